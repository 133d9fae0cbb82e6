/**
 * BERT's forward pass in plain tfjs, from token ids to logits.
 * Source: modeling_bert.py of transformers 5 (BertForSequenceClassification); dropout acts where it acts there.
 *
 * A row may hold several samples, one behind the other: positions begin anew with each, and a token attends to those of
 * its own sample alone, so that every sample's logits are what they would be in a row of its own.
 *
 * The head reads a sample's first token ([CLS]) alone, so in the last layer only those tokens need a query, an output
 * projection and a feed-forward network; keys and values still come from every token. Loss, logits and gradients
 * are the same, and most of the last layer's work is gone. `lastLayer: 'every-token'` is the plain form, for tests.
 *
 * Letters: R rows, T tokens per row, N = R * T, S samples per row, H hidden, A heads, D = H / A, C labels.
 */
import { attention, dropout, embedding, layerNorm } from '@microtune/engine';
import {
  add,
  cast,
  matMul,
  mul,
  oneHot,
  range,
  reshape,
  slice,
  square,
  sub,
  tanh,
  transpose,
  unstack,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { assert, type ShardShape } from '@microtune/shared';
import { activations } from './activation.js';
import type { BertConfig } from './config.js';
import { siteNames } from './dropout-sites.js';
import { names, stacks } from './parameters.js';

/** What the last layer computes: see above. */
export type LastLayer = 'first-token' | 'every-token';

/** Mask (bool, 1 keeps) and rate of each site that drops, by name (dropout-sites.ts); empty in evaluation. */
export type DropoutMasks = ReadonlyMap<string, { readonly mask: Tensor; readonly rate: number }>;

export interface BertInputs {
  readonly ids: Tensor; // int32 [N]
  readonly positionIds: Tensor; // int32 [N]
  readonly sampleOfToken: Tensor; // float32 [R, T], from 1; 0 for padding
  readonly firstTokens: Tensor; // int32 [R * S], places in the row
  /** int32 [N]; undefined where the model has one token type. */
  readonly typeIds: Tensor | undefined;
}

export interface BertForward {
  readonly config: BertConfig;
  readonly shape: ShardShape;
  /** By parameter name (parameters.ts). */
  readonly weight: (name: string) => Tensor;
  readonly dropout: DropoutMasks;
  readonly lastLayer: LastLayer;
}

/** @returns logits [R * S, C] */
export function bertLogits(model: BertForward, inputs: BertInputs): Tensor {
  const bias = attentionBias(model.shape, inputs.sampleOfToken, inputs.sampleOfToken);
  let x = embeddings(model, inputs); // [N, H]
  const last = model.config.numLayers - 1;
  for (let index = 0; index < last; index++) x = encoderLayer(model, index, x, bias);
  const first = lastEncoderLayer(model, x, inputs); // [R * S, H]
  const pooled = tanh(linear(model, names.pooler, first)); // [R * S, H]
  const dropped = drop(model, pooled, siteNames.classifier);
  return linear(model, names.classifier, dropped);
}

function embeddings(model: BertForward, { ids, positionIds, typeIds }: BertInputs): Tensor {
  const { config, shape, weight } = model;
  const words = embedding(weight(names.words), ids); // [N, H]
  const typed = add(words, tokenTypeRows(model, typeIds));
  const count = Math.min(shape.tokens, config.maxPositionEmbeddings);
  const table = slice(weight(names.positions), [0, 0], [count, config.hiddenSize]);
  const positions = matMul(oneHotRows(positionIds, count), table); // [N, H]
  const sum = add(typed, positions);
  return drop(model, norm(model, names.embeddingsNorm, sum), siteNames.embeddings);
}

/** @returns [N, H], or [1, H] where there is one type */
function tokenTypeRows({ config, weight }: BertForward, typeIds: Tensor | undefined): Tensor {
  const table = weight(names.tokenTypes);
  return typeIds === undefined ? table : matMul(oneHotRows(typeIds, config.typeVocabSize), table);
}

/**
 * A product with one-hot rows picks exactly, and its gradient is one small product instead of a scatter.
 * @returns [indices, depth]
 */
function oneHotRows(indices: Tensor, depth: number): Tensor {
  return cast(oneHot(indices, depth), 'float32');
}

/**
 * 0 where a query looks at its own sample, so low elsewhere that its softmax is exactly 0. The reshape comes last: OpenVINO
 * 2026.4 in bfloat16 otherwise fuses this arithmetic into the attention and loses the scores beside 1e9.
 * @param queries the sample of each query, [R or 1, Q]
 * @param keys the sample of each token, [R, T]
 * @returns [R, 1, Q, T]
 */
function attentionBias({ rows, tokens }: ShardShape, queries: Tensor, keys: Tensor): Tensor {
  const [some, count] = queries.shape as [number, number];
  const difference = sub(reshape(queries, [some, count, 1]), reshape(keys, [rows, 1, tokens]));
  return reshape(mul(square(difference), -1e9), [rows, 1, count, tokens]);
}

function encoderLayer(model: BertForward, index: number, x: Tensor, bias: Tensor): Tensor {
  const module = `${names.layer(index)}.attention.self.${stacks.queryKeyValue.name}`;
  const [query, key, value] = splitHeads(model, linear(model, module, x), 3);
  const context = attend(model, index, { query, key, value, bias });
  return rest(model, index, x, context);
}

/** @returns the last hidden state of every sample's first token alone, [R * S, H] */
function lastEncoderLayer(model: BertForward, x: Tensor, inputs: BertInputs): Tensor {
  const { shape, config } = model;
  const { sampleOfToken } = inputs;
  const index = config.numLayers - 1;
  const module = `${names.layer(index)}.attention.self`;
  const [key, value] = splitHeads(model, linear(model, `${module}.${stacks.keyValue.name}`, x), 2);
  const short = model.lastLayer === 'first-token';
  const input = short ? firstTokens(model, x, inputs) : x; // [R * S, H] or [N, H]
  const [query] = splitHeads(model, linear(model, `${module}.${stacks.query.name}`, input), 1);
  const samples = short ? placesInRow(shape) : sampleOfToken;
  const bias = attentionBias(shape, samples, sampleOfToken);
  const output = rest(model, index, input, attend(model, index, { query, key, value, bias }));
  return short ? output : firstTokens(model, output, inputs);
}

/** @returns [1, S], from 1 */
function placesInRow({ samplesPerRow }: ShardShape): Tensor {
  return reshape(range(1, samplesPerRow + 1), [1, samplesPerRow]);
}

/** @returns [R * S, H] */
function firstTokens({ shape, config }: BertForward, x: Tensor, inputs: BertInputs): Tensor {
  const { rows, tokens, samplesPerRow } = shape;
  const hidden = config.hiddenSize;
  const picks = reshape(oneHotRows(inputs.firstTokens, tokens), [rows, samplesPerRow, tokens]);
  const first = matMul(picks, reshape(x, [rows, tokens, hidden])); // [R, S, H]
  return reshape(first, [rows * samplesPerRow, hidden]);
}

/**
 * @param x [R * Q, parts * H], stacked parts side by side; Q positions per row
 * @returns `parts` tensors [R, A, Q, D]
 */
function splitHeads({ shape, config }: BertForward, x: Tensor, parts: number): Tensor[] {
  const { hiddenSize: hidden, numHeads: heads } = config;
  const positions = x.size / (shape.rows * parts * hidden);
  const apart = reshape(x, [shape.rows, positions, parts, heads, hidden / heads]);
  const stacked = transpose(apart, [2, 0, 3, 1, 4]); // [parts, R, A, Q, D]
  return parts === 1 ? [reshape(stacked, stacked.shape.slice(1))] : unstack(stacked);
}

interface Heads {
  readonly query: Tensor | undefined; // [R, A, Q, D]
  readonly key: Tensor | undefined; // [R, A, T, D]
  readonly value: Tensor | undefined;
  readonly bias: Tensor; // [R, 1, Q, T]
}

/** @returns [R * Q, H] */
function attend(model: BertForward, index: number, heads: Heads): Tensor {
  const { config, shape } = model;
  const { query, key, value, bias } = heads;
  assert(query && key && value, 'attention has query, key and value');
  const positions = query.size / (shape.rows * config.hiddenSize);
  const dropped = model.dropout.get(siteNames.attentionProbs(index));
  const context = attention(query, key, value, {
    scale: 1 / Math.sqrt(config.hiddenSize / config.numHeads),
    bias,
    ...(dropped === undefined ? {} : { dropout: dropped }),
  }); // [R, A, Q, D]
  return reshape(transpose(context, [0, 2, 1, 3]), [shape.rows * positions, config.hiddenSize]);
}

/** Everything behind the attention: output projection and feed-forward network, each with its residual and norm. */
function rest(model: BertForward, index: number, x: Tensor, context: Tensor): Tensor {
  const layer = names.layer(index);
  const projected = linear(model, `${layer}.attention.output.dense`, context);
  const attended = add(drop(model, projected, siteNames.attentionOutput(index)), x);
  const middle = norm(model, `${layer}.attention.output.LayerNorm`, attended);
  const activation = activations[model.config.hiddenAct];
  const inner = activation(linear(model, `${layer}.intermediate.dense`, middle)); // [., I]
  const output = linear(model, `${layer}.output.dense`, inner);
  const added = add(drop(model, output, siteNames.output(index)), middle);
  return norm(model, `${layer}.output.LayerNorm`, added);
}

function drop(model: BertForward, x: Tensor, site: string): Tensor {
  const dropped = model.dropout.get(site);
  return dropped === undefined ? x : dropout(x, dropped.mask, dropped.rate);
}

function linear({ weight }: BertForward, module: string, x: Tensor): Tensor {
  return add(matMul(x, weight(`${module}.weight`), false, true), weight(`${module}.bias`));
}

function norm({ weight, config }: BertForward, module: string, x: Tensor): Tensor {
  return layerNorm(x, weight(`${module}.weight`), weight(`${module}.bias`), config.layerNormEps);
}
