/**
 * BERT's parameters in arena order, named as HuggingFace names them, and the names they may have in files.
 *
 * Query, key and value are one stacked parameter, so that one product makes all three. The last layer stacks only
 * key and value: its queries are needed for the first token alone (see forward.ts).
 * Order: the word table, then everything that weight decay touches, then everything that it spares, so that the
 * optimizer walks two contiguous ranges.
 */
import type { CheckpointTensor, Parameter } from '../program.js';
import type { BertConfig } from './config.js';

export const names = {
  words: 'bert.embeddings.word_embeddings.weight',
  positions: 'bert.embeddings.position_embeddings.weight',
  tokenTypes: 'bert.embeddings.token_type_embeddings.weight',
  embeddingsNorm: 'bert.embeddings.LayerNorm',
  pooler: 'bert.pooler.dense',
  classifier: 'classifier',
  layer: (index: number) => `bert.encoder.layer.${index}`,
} as const;

/** Stacked parameters of a layer's attention: name and the parts of HuggingFace, in order. */
export const stacks = {
  queryKeyValue: { name: 'query_key_value', parts: ['query', 'key', 'value'] },
  query: { name: 'query', parts: ['query'] },
  keyValue: { name: 'key_value', parts: ['key', 'value'] },
} as const;

export function bertParameters(config: BertConfig, numLabels: number): Parameter[] {
  const { hiddenSize: hidden } = config;
  const words = single(names.words, [config.vocabSize, hidden]);
  const all = [
    single(names.positions, [config.maxPositionEmbeddings, hidden]),
    single(names.tokenTypes, [config.typeVocabSize, hidden]),
    ...norm(names.embeddingsNorm, hidden),
    ...Array.from({ length: config.numLayers }, (_, index) =>
      layerParameters(config, index),
    ).flat(),
    ...linear(names.pooler, hidden, hidden),
    ...linear(names.classifier, hidden, numLabels),
  ];
  return [
    { ...words, gradient: 'rows' },
    ...all.filter(({ decay }) => decay),
    ...all.filter(({ decay }) => !decay),
  ];
}

/** Names a tensor may have in a file, best first: with and without `bert.`, LayerNorm also as gamma and beta. */
export function fileNames(tensor: string): string[] {
  const plain = tensor.replace(/^bert\./, '');
  const candidates = [tensor, plain];
  const old = (name: string): string =>
    name
      .replace(/LayerNorm\.weight$/, 'LayerNorm.gamma')
      .replace(/LayerNorm\.bias$/, 'LayerNorm.beta');
  return [...new Set([...candidates, ...candidates.map(old)])];
}

/** The layer that a tensor of a file belongs to, from 0: its name with or without `bert.`. */
export function layerOf(fileName: string): number | undefined {
  const layer = /^(?:bert\.)?encoder\.layer\.(\d+)\./.exec(fileName)?.[1];
  return layer === undefined ? undefined : Number(layer);
}

/** Tensors a pretrained folder may lack: the head, and the pooler (masked-language models have none). */
export function mayBeCreated(tensor: string): boolean {
  return tensor.startsWith(`${names.classifier}.`) || tensor.startsWith(`${names.pooler}.`);
}

function layerParameters(config: BertConfig, index: number): Parameter[] {
  const { hiddenSize: hidden, intermediateSize: intermediate } = config;
  const layer = names.layer(index);
  const isLast = index === config.numLayers - 1;
  const attention = isLast ? [stacks.query, stacks.keyValue] : [stacks.queryKeyValue];
  return [
    ...attention.flatMap((stack) => stackedLinear(`${layer}.attention.self`, stack, hidden)),
    ...linear(`${layer}.attention.output.dense`, hidden, hidden),
    ...norm(`${layer}.attention.output.LayerNorm`, hidden),
    ...linear(`${layer}.intermediate.dense`, hidden, intermediate),
    ...linear(`${layer}.output.dense`, intermediate, hidden),
    ...norm(`${layer}.output.LayerNorm`, hidden),
  ];
}

function stackedLinear(
  module: string,
  stack: { name: string; parts: readonly string[] },
  hidden: number,
): Parameter[] {
  const parameter = (kind: 'weight' | 'bias', partShape: readonly number[]): Parameter => ({
    name: `${module}.${stack.name}.${kind}`,
    shape: [stack.parts.length * hidden, ...partShape.slice(1)],
    parts: stack.parts.map((part): CheckpointTensor => ({
      name: `${module}.${part}.${kind}`,
      shape: partShape,
    })),
    decay: kind === 'weight',
    gradient: 'dense',
  });
  return [parameter('weight', [hidden, hidden]), parameter('bias', [hidden])];
}

/** Weights stay as HuggingFace keeps them: [out, in]. */
function linear(module: string, inputs: number, outputs: number): Parameter[] {
  return [
    single(`${module}.weight`, [outputs, inputs]),
    { ...single(`${module}.bias`, [outputs]), decay: false },
  ];
}

function norm(module: string, width: number): Parameter[] {
  return [
    { ...single(`${module}.weight`, [width]), decay: false },
    { ...single(`${module}.bias`, [width]), decay: false },
  ];
}

function single(name: string, shape: readonly number[]): Parameter {
  return { name, shape, parts: [{ name, shape }], decay: true, gradient: 'dense' };
}
