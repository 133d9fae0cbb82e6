/**
 * BERT's forward pass in plain tfjs, from token ids to last hidden states.
 * Source: modeling_bert.py of transformers 5 (BertModel); dropout acts where it acts there.
 *
 * A row may hold several samples, one behind the other: positions begin anew with each, and a token attends to those of
 * its own sample alone, so that every sample's states are what they would be in a row of its own.
 *
 * Where the head reads a sample's first token ([CLS]) alone, in the last layer only those tokens need a query, an output
 * projection and a feed-forward network; keys and values still come from every token. Loss, logits and gradients
 * are the same, and most of the last layer's work is gone. `lastLayer: 'every-token'` is the plain form, for tests.
 *
 * Letters: R rows, T tokens per row, N = R * T, S samples per row, H hidden, A heads, D = H / A, Q positions per row.
 */
import {
  add,
  cast,
  matMul,
  mul,
  oneHot,
  range,
  reshape,
  square,
  sub,
  transpose,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { ShardShape } from '@microtune/shared';
import { tokenInputs } from '@microtune/tasks';
import type { BodyForward, Input, Readout } from '../../program/body.js';
import type { Ops } from '../../program/ops.js';
import { activations } from './activation.js';
import type { BertConfig } from './config.js';
import { paths } from './modules.js';

interface Pass {
  readonly config: BertConfig;
  readonly ops: Ops;
  readonly input: Input;
  readonly shape: ShardShape;
}

/** @param lastLayer what the last layer computes: see above */
export function bertForward(config: BertConfig, lastLayer: Readout): BodyForward {
  const hidden: BodyForward['hidden'] = (ops, { input, shape, readout }) => {
    const pass = { config, ops, input, shape };
    const samples = input(tokenInputs.sampleOfToken); // [R, T]
    const bias = attentionBias(shape, samples, samples);
    const last = config.numLayers - 1;
    let x = embeddings(pass); // [N, H]
    for (let index = 0; index < last; index++)
      x = encoderLayer(pass, index, { from: x, to: x, bias });
    if (readout === 'every-token') return encoderLayer(pass, last, { from: x, to: x, bias });
    if (lastLayer === 'every-token')
      return firstTokens(pass, encoderLayer(pass, last, { from: x, to: x, bias }));
    const first = attentionBias(shape, placesInRow(shape), samples);
    return encoderLayer(pass, last, { from: x, to: firstTokens(pass, x), bias: first }); // [R * S, H]
  };
  return { hidden, finalNorm: (_, x) => x };
}

function embeddings({ config, ops, input, shape }: Pass): Tensor {
  const words = ops.embed(paths.words, input(tokenInputs.inputIds)); // [N, H]
  // A model with one token type reads no type ids; its one row, [1, H], is added to every token.
  const types =
    config.typeVocabSize > 1
      ? ops.lookUp(paths.tokenTypes, input(tokenInputs.tokenTypeIds), config.typeVocabSize)
      : ops.table(paths.tokenTypes);
  const count = Math.min(shape.tokens, config.maxPositionEmbeddings);
  const places = input(tokenInputs.positionIds);
  const positions = ops.lookUp(paths.positions, places, count); // [N, H]
  const sum = add(add(words, types), positions);
  return ops.drop('embeddings', config.hiddenDropoutProb, ops.norm(paths.embeddingsNorm, sum));
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

interface LayerInput {
  /** Whose keys and values are read: [N, H]. */
  readonly from: Tensor;
  /** Whose states are computed: [R * Q, H]. */
  readonly to: Tensor;
  readonly bias: Tensor; // [R, 1, Q, T]
}

/** @returns [R * Q, H] */
function encoderLayer(pass: Pass, index: number, { from, to, bias }: LayerInput): Tensor {
  const { config, ops, shape } = pass;
  const { hiddenSize: hidden, numHeads, hiddenDropoutProb: rate } = config;
  const [layer, sites] = [paths.layer(index), `layer.${index}`];
  const self = `${layer}.attention.self`;
  const context = ops.attend(self, {
    query: splitHeads(pass, ops.linear(`${self}.query`, to)),
    key: splitHeads(pass, ops.linear(`${self}.key`, from)),
    value: splitHeads(pass, ops.linear(`${self}.value`, from)),
    bias,
    scale: 1 / Math.sqrt(hidden / numHeads),
    dropout: { site: `${sites}.attention_probs`, rate: config.attentionProbsDropoutProb },
  }); // [R, A, Q, D]
  const positions = to.size / (shape.rows * hidden);
  const joined = reshape(transpose(context, [0, 2, 1, 3]), [shape.rows * positions, hidden]);
  const projected = ops.linear(`${layer}.attention.output.dense`, joined);
  const attended = add(ops.drop(`${sites}.attention_output`, rate, projected), to);
  const middle = ops.norm(`${layer}.attention.output.LayerNorm`, attended);
  const inner = activations[config.hiddenAct](ops.linear(`${layer}.intermediate.dense`, middle)); // [., I]
  const output = ops.linear(`${layer}.output.dense`, inner);
  const added = add(ops.drop(`${sites}.output`, rate, output), middle);
  return ops.norm(`${layer}.output.LayerNorm`, added);
}

/** @returns [1, S], from 1 */
function placesInRow({ samplesPerRow }: ShardShape): Tensor {
  return reshape(range(1, samplesPerRow + 1), [1, samplesPerRow]);
}

/** @returns [R * S, H] */
function firstTokens({ shape, config, input }: Pass, x: Tensor): Tensor {
  const { rows, tokens, samplesPerRow } = shape;
  const hidden = config.hiddenSize;
  const first = input(tokenInputs.firstTokens);
  const picks = reshape(cast(oneHot(first, tokens), 'float32'), [rows, samplesPerRow, tokens]);
  const states = matMul(picks, reshape(x, [rows, tokens, hidden])); // [R, S, H]
  return reshape(states, [rows * samplesPerRow, hidden]);
}

/**
 * @param x [R * Q, H]
 * @returns [R, A, Q, D]
 */
function splitHeads({ shape, config }: Pass, x: Tensor): Tensor {
  const { hiddenSize: hidden, numHeads: heads } = config;
  const positions = x.size / (shape.rows * hidden);
  const apart = reshape(x, [shape.rows, positions, heads, hidden / heads]);
  return transpose(apart, [0, 2, 1, 3]);
}
