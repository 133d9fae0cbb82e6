/** A job for a language model, small enough for tests of whole clusters: a random decoder that reads bytes, and questions with one answer each. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createArena } from '@microtune/arena';
import {
  allocateBlock,
  blockCount,
  createModel,
  layOutParameters,
  saveModel,
  type HfConfig,
} from '@microtune/models';
import type { TinyJob } from './tiny-job.js';

const oracle = (path: string): string =>
  fileURLToPath(new URL(`../../packages/tasks/oracle/${path}`, import.meta.url));

/** Ids of the tokenizer of `oracle/bytes` are below. */
const vocabularySize = 512;

/** What Llama and its relatives have alike: two layers of 32. */
const sizes = {
  vocab_size: vocabularySize,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  initializer_range: 0.1,
};

/** As the family's config.json says it. */
const configs = {
  llama: { model_type: 'llama', ...sizes, tie_word_embeddings: true },
  mistral: { model_type: 'mistral', ...sizes, head_dim: 12, sliding_window: 5 },
  qwen2: { model_type: 'qwen2', ...sizes, tie_word_embeddings: true },
  qwen3: { model_type: 'qwen3', ...sizes, head_dim: 8 },
  gpt2: {
    model_type: 'gpt2',
    vocab_size: vocabularySize,
    n_embd: 32,
    n_layer: 2,
    n_head: 4,
    n_positions: 64,
    initializer_range: 0.1,
  },
} as const satisfies Record<string, HfConfig>;
export const languageFamilies = Object.keys(configs) as readonly (keyof typeof configs)[];

/** Writes model and data into a fresh folder, removed when disposed. */
export async function makeTinyLanguageJob(
  family: keyof typeof configs = 'llama',
): Promise<TinyJob> {
  const root = mkdtempSync(join(tmpdir(), 'microtune-language-'));
  const model = join(root, 'model');
  await writeWeights(model, configs[family]);
  cpSync(oracle('bytes'), model, { recursive: true });
  const { templates } = JSON.parse(readFileSync(oracle('chats.json'), 'utf8')) as {
    templates: { chatml: string };
  };
  writeFileSync(join(model, 'chat_template.jinja'), templates.chatml);
  const train = join(root, 'train.jsonl');
  const validation = join(root, 'validation.jsonl');
  writeFileSync(train, rows(0, 24));
  writeFileSync(validation, rows(24, 32));
  return {
    root,
    model,
    train,
    validation,
    output: (name) => join(root, name),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

async function writeWeights(folder: string, config: HfConfig): Promise<void> {
  mkdirSync(folder);
  const model = createModel(config, { seed: 3, task: { kind: 'causal-lm' } });
  const layout = layOutParameters(model.program.parameters);
  const parameters = allocateBlock(await createArena(blockCount(layout)), layout);
  await model.load((parameter) => parameters.view(parameter));
  await saveModel(folder, { model, parameters });
}

/** Rows of several lengths: a word, said so many times, and what comes after it. */
function rows(from: number, to: number): string {
  const words = ['one', 'two', 'three', 'four'];
  const row = (at: number): string => {
    const word = words[at % words.length] ?? '';
    const next = words[(at + 1) % words.length] ?? '';
    return JSON.stringify({
      prompt: `${at}:${` ${word}`.repeat(1 + (at % 3))}`,
      completion: ` ${next}`,
    });
  };
  return Array.from({ length: to - from }, (_, at) => `${row(from + at)}\n`).join('');
}
