/**
 * adapter_config.json of PEFT 0.21, read as what a run asks of a method. What a file may say besides is of no consequence for
 * the numbers, or is refused by its name.
 */
import { readFile } from 'node:fs/promises';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { z } from 'zod';
import { wholePath, type AdapterSpec, type Targets } from '../methods/method-spec.js';

export interface PeftConfig {
  /** As written: a path, or a name on a hub. */
  readonly base: string | undefined;
  /** PEFT's word for the task, e.g. `SEQ_CLS`. */
  readonly taskType: string | undefined;
  readonly method: AdapterSpec;
}

const moduleNames = z.union([z.array(z.string()), z.string().min(1)]).nullish();
const integers = z.union([z.number().int(), z.array(z.number().int())]).nullish();
const texts = z.union([z.string(), z.array(z.string())]).nullish();

/** Of every kind; keys that are not read here are known to change no number. */
const commonKeys = {
  base_model_name_or_path: z.string().nullish(),
  task_type: z.string().nullish(),
  target_modules: moduleNames,
  exclude_modules: moduleNames,
  modules_to_save: z.array(z.string()).nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  inference_mode: z.unknown().optional(),
  auto_mapping: z.unknown().optional(),
  revision: z.unknown().optional(),
  peft_version: z.unknown().optional(),
};

const loraSchema = z.object({
  ...commonKeys,
  peft_type: z.literal('LORA'),
  r: z.number().int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  lora_dropout: z.number().min(0).lt(1).default(0),
  layers_to_transform: integers,
  layers_pattern: texts,
  rank_pattern: z.record(z.string(), z.number().int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number().positive()).nullish(),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  bias: z.string().nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
  // Of settings that are refused where they are on.
  megatron_core: z.unknown().optional(),
  qalora_group_size: z.unknown().optional(),
  runtime_config: z.unknown().optional(),
});

const ia3Schema = z.object({
  ...commonKeys,
  peft_type: z.literal('IA3'),
  feedforward_modules: moduleNames,
  init_ia3_weights: z.unknown().optional(),
});

const kinds = { LORA: loraSchema, IA3: ia3Schema } as const;

/** Starts that change the base model's weights, too, or that need more than a seed. */
const plainStarts: readonly unknown[] = [undefined, null, true, false, 'gaussian', 'orthogonal'];

/** @throws MicrotuneError `data` naming the file and the kind, key or value that is not supported */
export async function readPeftConfig(file: string): Promise<PeftConfig> {
  const json = await readJson(file);
  const type = String(json['peft_type'] ?? 'missing');
  if (!isKind(type)) {
    throw new MicrotuneError(
      'data',
      `${file}: peft_type is ${type}, and adapters are supported of ${Object.keys(kinds).join(', ')}: train another kind, or merge it in PEFT`,
    );
  }
  const parsed = parse(kinds[type], json, file);
  refuseOthers(json, kinds[type], file);
  const common = {
    base: parsed.base_model_name_or_path ?? undefined,
    taskType: parsed.task_type ?? undefined,
  };
  return {
    ...common,
    method: parsed.peft_type === 'LORA' ? loraOf(parsed, file) : ia3Of(parsed, file),
  };
}

function loraOf(keys: z.infer<typeof loraSchema>, file: string): AdapterSpec {
  const { bias, init_lora_weights: start } = keys;
  if (bias !== undefined && bias !== null && bias !== 'none') {
    throw new MicrotuneError(
      'data',
      `${file}: bias is "${bias}": trained biases beside LoRA are not supported`,
    );
  }
  if (!plainStarts.includes(start)) {
    throw new MicrotuneError(
      'data',
      `${file}: init_lora_weights is "${String(start)}", which is not supported: the adapter may fit a changed base model alone`,
    );
  }
  return {
    kind: 'lora',
    ...placesOf(keys, file),
    r: keys.r,
    alpha: keys.lora_alpha,
    dropout: keys.lora_dropout,
    layers: listOf(keys.layers_to_transform),
    layersPattern: listOf(keys.layers_pattern),
    rankPattern: keys.rank_pattern ?? {},
    alphaPattern: keys.alpha_pattern ?? {},
    useRslora: keys.use_rslora ?? false,
    useDora: keys.use_dora ?? false,
    rateRatio: 1,
  };
}

function ia3Of(keys: z.infer<typeof ia3Schema>, file: string): AdapterSpec {
  return {
    kind: 'ia3',
    ...placesOf(keys, file),
    feedforward: namesOf(keys.feedforward_modules, { key: 'feedforward_modules', file }),
  };
}

function placesOf(
  keys: Pick<z.infer<typeof ia3Schema>, 'target_modules' | 'exclude_modules' | 'modules_to_save'>,
  file: string,
) {
  const { target_modules: targets } = keys;
  return {
    targets: (targets === 'all-linear'
      ? targets
      : namesOf(targets, { key: 'target_modules', file })) as Targets | undefined,
    exclude: namesOf(keys.exclude_modules, { key: 'exclude_modules', file }),
    // PEFT adds its heads to whatever stands there, and twice in some versions.
    modulesToSave: [...new Set(keys.modules_to_save ?? [])],
    isFound: true,
  };
}

/** A plain string is a pattern of the whole path. */
function namesOf(
  written: readonly string[] | string | null | undefined,
  { key, file }: { readonly key: string; readonly file: string },
): readonly string[] | RegExp | undefined {
  if (written === null || written === undefined) return undefined;
  if (typeof written !== 'string') return written.length === 0 ? undefined : written;
  try {
    return wholePath(written.replace(/^\^\(\?:(.*)\)\$$/, '$1'));
  } catch (cause) {
    throw new MicrotuneError(
      'data',
      `${file}: ${key}: ${JSON.stringify(written)} is no regular expression that JavaScript has, too`,
      { cause },
    );
  }
}

function listOf<T extends string | number>(
  written: T | readonly T[] | null | undefined,
): readonly T[] | undefined {
  if (written === null || written === undefined || written === '') return undefined;
  const list = [written].flat() as T[];
  return list.length === 0 ? undefined : list;
}

const isKind = (type: string): type is keyof typeof kinds => Object.hasOwn(kinds, type);

async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new MicrotuneError('data', `${file}: cannot be read as JSON: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json))
    return json as Readonly<Record<string, unknown>>;
  throw new MicrotuneError('data', `${file}: must hold a JSON object`);
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  file: string,
): z.infer<Schema> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new MicrotuneError(
    'data',
    `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

/** A key that is not known and says something: what it asks for is not done here. */
function refuseOthers(
  json: Readonly<Record<string, unknown>>,
  schema: z.ZodObject,
  file: string,
): void {
  const other = Object.entries(json).find(([key, value]) => !(key in schema.shape) && isOn(value));
  if (other === undefined) return;
  const [key, value] = other;
  throw new MicrotuneError(
    'data',
    `${file}: ${key} is ${JSON.stringify(value)}, which is not supported`,
  );
}

function isOn(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false && value !== '';
}
