/** A model folder and data made of nothing, so that measurements need no download: BERT with random weights. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createArena } from '@microtune/arena';
import {
  allocateBlock,
  blockCount,
  createModel,
  layOutParameters,
  saveModel,
  type LoadedModel,
  type ModelProgram,
} from '@microtune/models';
import type { LabelTask, ShardShape } from '@microtune/shared';
import { labelTask, type Batch } from '@microtune/tasks';

export interface BenchShape {
  readonly layers: number;
  readonly hiddenSize: number;
  /** Of the head; none for a regression. @default negative, positive */
  readonly labels?: readonly string[];
}

/** Of BERT's English vocabulary: the embedding table is part of what costs memory. */
const vocabularySize = 30_522;
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const twoLabels = ['negative', 'positive'];

const taskOf = (labels: readonly string[]): LabelTask =>
  labels.length === 0 ? { kind: 'regression' } : { kind: 'sequence-classification', labels };

/** Heads as MiniLM (32 wide) and BERT-base (64 wide) have them. */
export function headsOf(hiddenSize: number): number {
  return Math.max(1, Math.floor(hiddenSize / (hiddenSize < 768 ? 32 : 64)));
}

/** Dropout off, as in the measurements to compare with. */
export function benchModel({ layers, hiddenSize, labels = twoLabels }: BenchShape): LoadedModel {
  const config = {
    model_type: 'bert',
    vocab_size: vocabularySize,
    hidden_size: hiddenSize,
    num_hidden_layers: layers,
    num_attention_heads: headsOf(hiddenSize),
    intermediate_size: 4 * hiddenSize,
    max_position_embeddings: 512,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  };
  return createModel(config, { seed: 1, task: taskOf(labels) });
}

/** Rows full of tokens, each a sample with a label: what the collator makes of texts of that length. */
export function benchBatch(
  { inputs, labelInputs }: Pick<ModelProgram, 'inputs' | 'labelInputs'>,
  shape: ShardShape,
): Batch {
  const { rows, tokens } = shape;
  const data = {
    size: rows,
    lengths: new Int32Array(rows).fill(tokens),
    ids: Int32Array.from({ length: rows * tokens }, (_, at) => (at * 7919) % vocabularySize),
    offsets: Int32Array.from({ length: rows + 1 }, (_, row) => row * tokens),
    typeIds: new Uint8Array(rows * tokens),
    cut: new Uint8Array(rows),
    labels: Float32Array.from({ length: rows }, (_, row) => row % twoLabels.length),
    contentHash: '',
  };
  const specs = [...inputs, ...labelInputs];
  const collate = labelTask(taskOf(twoLabels), { labelSmoothing: 0 }).collator(data, specs, {
    padTokenId: 0,
  });
  return collate({ shape, rows: Array.from({ length: rows }, (_, row) => [row]) });
}

/** Writes the model with a tokenizer of one token per word. @param folder existing */
export async function writeBenchModel(folder: string, shape: BenchShape): Promise<void> {
  const model = benchModel(shape);
  const layout = layOutParameters(model.program.parameters);
  const parameters = allocateBlock(await createArena(blockCount(layout)), layout);
  await model.load((parameter) => parameters.view(parameter));
  await saveModel(folder, { model, parameters });
  // Last, because a saved model replaces the tokenizer files of its folder.
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(wordTokenizer()));
}

/** Rows of exactly `tokens` tokens, as a tsv file with header. */
export function benchRows({
  rows,
  tokens,
}: {
  readonly rows: number;
  readonly tokens: number;
}): string {
  // [CLS] and [SEP] are two of the tokens.
  const words = (row: number): string =>
    Array.from({ length: tokens - 2 }, (_, at) => `w${(row * 7919 + at * 104_729) % 20_000}`).join(
      ' ',
    );
  const lines = Array.from({ length: rows }, (_, row) => `${words(row)}\t${twoLabels[row % 2]}`);
  return ['text\tlabel', ...lines, ''].join('\n');
}

/** tokenizer.json (HuggingFace tokenizers): words between white space, [CLS] … [SEP] around. */
function wordTokenizer(): object {
  const tokens = [
    ...special,
    ...Array.from({ length: vocabularySize - special.length }, (_, id) => `w${id}`),
  ];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const marker = (token: string): object => ({ SpecialToken: { id: token, type_id: 0 } });
  const text = (id: string, typeId: number): object => ({ Sequence: { id, type_id: typeId } });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [marker('[CLS]'), text('A', 0), marker('[SEP]')],
      pair: [marker('[CLS]'), text('A', 0), marker('[SEP]'), text('B', 1), marker('[SEP]')],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((token) => [
          token,
          { id: token, ids: [vocab[token]], tokens: [token] },
        ]),
      ),
    },
    decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: '[UNK]' },
  };
}
