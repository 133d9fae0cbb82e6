/**
 * BERT's forward pass in plain tfjs, from token ids to logits.
 * Source: modeling_bert.py of transformers 5 (BertForSequenceClassification); dropout acts where it acts there.
 *
 * The head reads position 0 ([CLS]) alone, so in the last layer only that position needs a query, an output
 * projection and a feed-forward network; keys and values still come from every token. Loss, logits and gradients
 * are the same, and most of the last layer's work is gone. `lastLayer: 'every-token'` is the plain form, for tests.
 *
 * Letters: R rows, T tokens per row, N = R * T, H hidden, A heads, D = H / A, C labels.
 */
import { attention, dropout, embedding, layerNorm } from '@microtune/engine';
import {
  add,
  cast,
  matMul,
  mul,
  oneHot,
  reshape,
  slice,
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
  readonly mask: Tensor; // float32 [R, T]
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

/** @returns logits [R, C] */
export function bertLogits(model: BertForward, inputs: BertInputs): Tensor {
  const bias = attentionBias(model.shape, inputs.mask);
  let x = embeddings(model, inputs); // [N, H]
  const last = model.config.numLayers - 1;
  for (let index = 0; index < last; index++) x = encoderLayer(model, index, x, bias);
  const first = lastEncoderLayer(model, x, bias); // [R, H]
  const pooled = tanh(linear(model, names.pooler, first)); // [R, H]
  const dropped = drop(model, pooled, siteNames.classifier);
  return linear(model, names.classifier, dropped);
}

function embeddings(model: BertForward, { ids, typeIds }: BertInputs): Tensor {
  const { config, shape, weight } = model;
  const { rows, tokens } = shape;
  const hidden = config.hiddenSize;
  // Words and types are added before the reshape: the other way round trips OpenVINO 2026.4's fusion pass.
  const words = embedding(weight(names.words), ids); // [N, H]
  const typed = reshape(add(words, tokenTypeRows(model, typeIds)), [rows, tokens, hidden]);
  const positions = reshape(slice(weight(names.positions), [0, 0], [tokens, hidden]), [
    1,
    tokens,
    hidden,
  ]);
  const sum = reshape(add(typed, positions), [rows * tokens, hidden]);
  return drop(model, norm(model, names.embeddingsNorm, sum), siteNames.embeddings);
}

/**
 * A product with one-hot rows picks exactly, and its gradient is one small product instead of a scatter.
 * @returns [N, H], or [1, H] where there is one type
 */
function tokenTypeRows({ config, weight }: BertForward, typeIds: Tensor | undefined): Tensor {
  const table = weight(names.tokenTypes);
  if (typeIds === undefined) return table;
  return matMul(cast(oneHot(typeIds, config.typeVocabSize), 'float32'), table);
}

/**
 * 0 where a token may be looked at, so low elsewhere that its softmax is exactly 0. The reshape comes last: OpenVINO
 * 2026.4 in bfloat16 otherwise fuses this arithmetic into the attention and loses the scores beside 1e9.
 * @returns [R, 1, 1, T]
 */
function attentionBias({ rows, tokens }: ShardShape, mask: Tensor): Tensor {
  return reshape(mul(sub(1, mask), -1e9), [rows, 1, 1, tokens]);
}

function encoderLayer(model: BertForward, index: number, x: Tensor, bias: Tensor): Tensor {
  const module = `${names.layer(index)}.attention.self.${stacks.queryKeyValue.name}`;
  const [query, key, value] = splitHeads(model, linear(model, module, x), 3);
  const context = attend(model, index, { query, key, value, bias });
  return rest(model, index, x, context);
}

/** @returns the last hidden state of position 0 alone, [R, H] */
function lastEncoderLayer(model: BertForward, x: Tensor, bias: Tensor): Tensor {
  const { shape, config, lastLayer } = model;
  const index = config.numLayers - 1;
  const module = `${names.layer(index)}.attention.self`;
  const [key, value] = splitHeads(model, linear(model, `${module}.${stacks.keyValue.name}`, x), 2);
  const input = lastLayer === 'first-token' ? firstTokens(model, x) : x; // [R, H] or [N, H]
  const [query] = splitHeads(model, linear(model, `${module}.${stacks.query.name}`, input), 1);
  const context = attend(model, index, { query, key, value, bias });
  const output = rest(model, index, input, context);
  return output.shape[0] === shape.rows ? output : firstTokens(model, output);
}

function firstTokens({ shape, config }: BertForward, x: Tensor): Tensor {
  const { rows, tokens } = shape;
  const hidden = config.hiddenSize;
  const sequences = reshape(x, [rows, tokens, hidden]);
  return reshape(slice(sequences, [0, 0, 0], [rows, 1, hidden]), [rows, hidden]);
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
  readonly bias: Tensor; // [R, 1, 1, T]
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
