/** What a model folder says of generation: generation_config.json, and where it says nothing, config.json and the tokenizer. */
import { join } from 'node:path';
import { parseJsonObject, readIfThere, type SpanTokenizer } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import { greedy, type SamplingOptions } from './sampling-options.js';

export interface GenerationConfig {
  /** Any of them ends a text: chat models have one for a turn beside one for a document. */
  readonly endTokens: readonly number[];
  /** The folder's own choice; greedy where it does not sample. */
  readonly sampling: SamplingOptions;
}

const id = z.number().int().nonnegative();
const fileSchema = z.looseObject({
  eos_token_id: z.union([id, z.array(id)]).nullish(),
  do_sample: z.boolean().nullish(),
  temperature: z.number().nullish(),
  top_k: z.number().nullish(),
  top_p: z.number().nullish(),
  repetition_penalty: z.number().nullish(),
});

/** @throws MicrotuneError `data` for a file that is there but broken */
export async function readGenerationConfig(
  folder: string,
  tokenizer: Pick<SpanTokenizer, 'specialTokens' | 'idOf'>,
): Promise<GenerationConfig> {
  const own = await readFile(folder, 'generation_config.json');
  const model = await readFile(folder, 'config.json');
  const { eos_token: name } = tokenizer.specialTokens;
  const ofTokenizer = name === undefined ? undefined : tokenizer.idOf(name);
  const ends = own?.eos_token_id ?? model?.eos_token_id ?? ofTokenizer ?? [];
  return { endTokens: [...new Set([ends].flat())], sampling: samplingOf(own) };
}

/** transformers' defaults for what a folder that samples leaves out. */
function samplingOf(file: z.infer<typeof fileSchema> | undefined): SamplingOptions {
  const repetitionPenalty = file?.repetition_penalty ?? greedy.repetitionPenalty;
  if (file?.do_sample !== true) return { ...greedy, repetitionPenalty };
  return {
    temperature: file.temperature ?? 1,
    topK: file.top_k ?? 50,
    topP: file.top_p ?? 1,
    repetitionPenalty,
  };
}

async function readFile(
  folder: string,
  name: string,
): Promise<z.infer<typeof fileSchema> | undefined> {
  const file = join(folder, name);
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  const parsed = fileSchema.safeParse(parseJsonObject(text, file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new MicrotuneError('data', `${file}: ${issue?.path.join('.')}: ${issue?.message}`);
}
