/**
 * GPT-2's forward pass, from token ids to the hidden states before the last norm.
 * Source: modeling_gpt2.py of transformers 5; dropout acts where it acts there.
 *
 * Letters: R rows, T tokens per row, N = R * T, H hidden, A heads, D = H / A, I inner width.
 */
import type { ShardShape } from '@microtune/shared';
import { add, split, type Tensor } from '@tensorflow/tfjs-core';
import { activations } from '../bert/activation.js';
import { causalBiases, joinHeads, splitHeads } from '../decoder.js';
import type { DecoderBatch } from '../decoder-inputs.js';
import type { Ops } from '../../program/ops.js';
import type { Gpt2Config } from './config.js';
import { gpt2Names } from './modules.js';

/** @returns hidden states of every token, before the last norm: [N, H] */
export function gpt2Hidden(
  ops: Ops,
  config: Gpt2Config,
  { shape, inputs, cached }: DecoderBatch,
): Tensor {
  const bias = causalBiases(inputs, [undefined], cached)(0); // [R, 1, T, T], and as many more as are cached
  const words = ops.embed(gpt2Names.words, inputs.ids);
  const embedded = add(words, ops.embed(gpt2Names.positions, inputs.positionIds)); // [N, H]
  let x = ops.drop('transformer.drop', config.dropout.embeddings, embedded);
  for (let index = 0; index < config.numLayers; index++)
    x = block(ops, { config, shape, index, bias }, x);
  return x;
}

/** The last norm, of any tokens: [., H]. */
export function gpt2FinalNorm(ops: Ops, x: Tensor): Tensor {
  return ops.norm(gpt2Names.norm, x);
}

interface Block {
  readonly config: Gpt2Config;
  readonly shape: ShardShape;
  readonly index: number;
  readonly bias: Tensor;
}

function block(ops: Ops, { config, shape, index, bias }: Block, x: Tensor): Tensor {
  const path = gpt2Names.layer(index);
  const stacked = ops.linear(`${path}.attn.c_attn`, ops.norm(`${path}.ln_1`, x)); // [N, 3 * H]
  const [query, key, value] = split(stacked, 3, 1).map((part) =>
    splitHeads(part, shape, config.numHeads),
  ) as [Tensor, Tensor, Tensor]; // [R, A, T, D] each
  const scale = config.scales[index] ?? 1;
  const { attention, residual } = config.dropout;
  const dropout = { site: `${path}.attn`, rate: attention };
  const context = ops.attend(`${path}.attn`, { query, key, value, bias, scale, dropout });
  const projected = ops.linear(`${path}.attn.c_proj`, joinHeads(context)); // [N, H]
  const attended = ops.drop(`${path}.attn.resid_dropout`, residual, projected);
  const middle = add(x, ops.sublayer(`${path}.attn`, attended));
  const inner = ops.linear(`${path}.mlp.c_fc`, ops.norm(`${path}.ln_2`, middle)); // [N, I]
  const output = ops.linear(`${path}.mlp.c_proj`, activations[config.activation](inner));
  const dropped = ops.drop(`${path}.mlp.dropout`, residual, output);
  return add(middle, ops.sublayer(`${path}.mlp`, dropped));
}
