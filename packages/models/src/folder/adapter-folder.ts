/**
 * Folders of adapters in PEFT's layout: adapter_model.safetensors holds what was trained, adapter_config.json says how and on
 * which model. Formats: PEFT 0.21 (read and written).
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { MicrotuneError, adapterConfigFile, messageOf } from '@microtune/shared';
import { z } from 'zod';
import type { LoraSpec, Targets } from '../methods/method-spec.js';

export interface AdapterFolder {
  /** Folder of the model that it was trained on. */
  readonly base: string;
  readonly method: LoraSpec;
}

/** What a file may hold besides is either of no consequence for the numbers, or refused by its name. */
const loraSchema = z.object({
  peft_type: z.literal('LORA', 'only LORA is supported'),
  base_model_name_or_path: z.string().min(1),
  r: z.number().int().positive().default(8),
  lora_alpha: z.number().positive().default(8),
  lora_dropout: z.number().min(0).lt(1).default(0),
  target_modules: z.union([z.array(z.string()).min(1), z.string()]).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  use_rslora: z.boolean().default(false),
  use_dora: z.literal(false, 'DoRA is not supported').nullish(),
  bias: z.literal('none', 'trained biases are not supported').nullish(),
  rank_pattern: z
    .record(z.string(), z.never('ranks of single modules are not supported'))
    .nullish(),
  alpha_pattern: z
    .record(z.string(), z.never('scales of single modules are not supported'))
    .nullish(),
});

/**
 * What an adapter's folder says; undefined for any other folder.
 * @throws MicrotuneError `data` naming the file and the key that is not supported, `usage` where the base model is not there
 */
export async function readAdapterFolder(folder: string): Promise<AdapterFolder | undefined> {
  const file = join(folder, adapterConfigFile);
  if (!existsSync(file)) return undefined;
  const config = parse(await readFile(file, 'utf8'), file);
  const base = config.base_model_name_or_path;
  const found = [base, ...(isAbsolute(base) ? [] : [join(folder, base)])].find((path) =>
    existsSync(path),
  );
  if (found === undefined) {
    throw new MicrotuneError(
      'usage',
      `${file}: base_model_name_or_path is ${base}, and there is no such folder: put the model there, or write where it is`,
    );
  }
  return {
    base: found,
    method: {
      kind: 'lora',
      r: config.r,
      alpha: config.lora_alpha,
      dropout: config.lora_dropout,
      targets: targetsOf(config.target_modules ?? undefined),
      modulesToSave: config.modules_to_save ?? [],
      useRslora: config.use_rslora,
    },
  };
}

function parse(text: string, file: string): z.infer<typeof loraSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new MicrotuneError('data', `${file}: cannot be read as JSON: ${messageOf(cause)}`, {
      cause,
    });
  }
  const result = loraSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new MicrotuneError(
    'data',
    `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  );
}

/** A plain string is a pattern of the whole path. */
function targetsOf(written: readonly string[] | string | undefined): Targets | undefined {
  if (typeof written !== 'string' || written === 'all-linear') return written;
  return new RegExp(`^(?:${written.replace(/^\^\(\?:(.*)\)\$$/, '$1')})$`);
}
