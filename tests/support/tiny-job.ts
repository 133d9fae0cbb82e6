/** A job small enough for tests of whole clusters: a random BERT of two layers, and sentences whose words tell the label. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createArena } from '@microtune/arena';
import {
  allocateBlock,
  blockCount,
  createModel,
  layOutParameters,
  saveModel,
} from '@microtune/models';

const words = {
  good: ['fine', 'bright', 'warm', 'lovely', 'clever', 'moving'],
  bad: ['dull', 'cold', 'flat', 'clumsy', 'boring', 'empty'],
  plain: [
    'the',
    'a',
    'film',
    'story',
    'actor',
    'scene',
    'is',
    'was',
    'and',
    'very',
    'quite',
    'often',
    'again',
  ],
};

export interface TinyJob extends Disposable {
  readonly root: string;
  readonly model: string;
  readonly train: string;
  readonly validation: string;
  /** A folder for a run. */
  output(name: string): string;
}

/** Writes model and data into a fresh folder, removed when disposed. */
export async function makeTinyJob(): Promise<TinyJob> {
  const root = mkdtempSync(join(tmpdir(), 'microtune-test-'));
  const model = join(root, 'model');
  await writeModel(model);
  const train = join(root, 'train.tsv');
  const validation = join(root, 'validation.tsv');
  writeFileSync(train, sentences(160, 1));
  writeFileSync(validation, sentences(48, 2));
  return {
    root,
    model,
    train,
    validation,
    output: (name) => join(root, name),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

async function writeModel(folder: string): Promise<void> {
  const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...Object.values(words).flat()];
  const config = {
    model_type: 'bert',
    vocab_size: vocabulary.length,
    hidden_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 64,
    max_position_embeddings: 64,
    type_vocab_size: 2,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    layer_norm_eps: 1e-12,
    initializer_range: 0.1,
    pad_token_id: 0,
  };
  const model = createModel(config, { seed: 3 });
  const layout = layOutParameters(model.program.parameters);
  const parameters = allocateBlock(await createArena(blockCount(layout)), layout);
  await model.load((parameter) => parameters.view(parameter));
  mkdirSync(folder, { recursive: true });
  await saveModel(folder, { model, parameters });
  writeFileSync(join(folder, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"do_lower_case":true}');
}

/** Lines of sentence, tab, label. A small linear generator makes them the same everywhere. */
function sentences(count: number, seed: number): string {
  let state = seed;
  const below = (bound: number): number => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
  const pick = (list: readonly string[]): string => list[below(list.length)] ?? '';
  const line = (): string => {
    const label = below(2);
    const mood = label === 1 ? words.good : words.bad;
    const length = 3 + below(20);
    const text = Array.from({ length }, () => (below(4) === 0 ? pick(mood) : pick(words.plain)));
    return `${text.join(' ')} ${pick(mood)}\t${label}`;
  };
  return `sentence\tlabel\n${Array.from({ length: count }, line).join('\n')}\n`;
}
