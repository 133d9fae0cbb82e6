/** BERT's modules with HuggingFace's paths, and the names that their tensors may have in files. */
import { embeddingTable, layerNormOf, linear, type Module } from '../../program/module.js';
import type { BertConfig } from './config.js';

export const paths = {
  words: 'bert.embeddings.word_embeddings',
  positions: 'bert.embeddings.position_embeddings',
  tokenTypes: 'bert.embeddings.token_type_embeddings',
  embeddingsNorm: 'bert.embeddings.LayerNorm',
  pooler: 'bert.pooler.dense',
  classifier: 'classifier',
  layer: (index: number) => `bert.encoder.layer.${index}`,
} as const;

/** All but those of the head, in the order of the forward pass. */
export function bertModules(config: BertConfig): Module[] {
  const { hiddenSize: width } = config;
  return [
    embeddingTable(paths.words, config.vocabSize, width),
    embeddingTable(paths.positions, config.maxPositionEmbeddings, width),
    embeddingTable(paths.tokenTypes, config.typeVocabSize, width),
    layerNormOf(paths.embeddingsNorm, width),
    ...Array.from({ length: config.numLayers }, (_, index) => layerModules(config, index)).flat(),
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
  return tensor.startsWith(`${paths.classifier}.`) || tensor.startsWith(`${paths.pooler}.`);
}

function layerModules(
  { hiddenSize: hidden, intermediateSize: inner }: BertConfig,
  index: number,
): Module[] {
  const layer = paths.layer(index);
  const square = { in: hidden, out: hidden };
  return [
    ...['query', 'key', 'value'].map((part) =>
      linear(`${layer}.attention.self.${part}`, square, true),
    ),
    linear(`${layer}.attention.output.dense`, square, true),
    layerNormOf(`${layer}.attention.output.LayerNorm`, hidden),
    linear(`${layer}.intermediate.dense`, { in: hidden, out: inner }, true),
    linear(`${layer}.output.dense`, { in: inner, out: hidden }, true),
    layerNormOf(`${layer}.output.LayerNorm`, hidden),
  ];
}
