/**
 * The forward pass of Llama, Mistral, Qwen2 and Qwen3, from token ids to the hidden states before the last norm: one for
 * all, as their configs say where they differ.
 * Source: modeling_llama.py, modeling_mistral.py, modeling_qwen2.py and modeling_qwen3.py of transformers 5.
 *
 * Letters: R rows, T tokens per row, N = R * T, H hidden, A heads, K heads of keys, D width of a head, I inner width.
 */
import { rotary, scaleGradient, siluGate } from '@microtune/engine';
import type { ShardShape } from '@microtune/shared';
import {
  add,
  cast,
  gather,
  notEqual,
  reshape,
  scalar,
  tensor2d,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { rotaryTables } from '../../blocks/rotary.js';
import { causalBiases, joinHeads, splitHeads } from '../decoder.js';
import type { DecoderBatch } from '../decoder-inputs.js';
import type { Ops } from '../../program/ops.js';
import type { LlamaConfig } from './config.js';
import { llamaNames } from './modules.js';

/** @returns hidden states of every token, before the last norm: [N, H] */
export function llamaHidden(
  ops: Ops,
  config: LlamaConfig,
  { shape, inputs, cached = 0 }: DecoderBatch,
): Tensor {
  const positions = cached === 0 ? shape.tokens : Math.min(shape.tokens + cached, config.maxTokens);
  const turn = rotation(config, { shape, positions }, inputs.positionIds);
  const biasOf = causalBiases(inputs, config.windows, cached);
  let x = embeddings(ops, config, inputs.ids); // [N, H]
  for (let index = 0; index < config.numLayers; index++) {
    const layer = { config, shape, path: llamaNames.layer(index), turn, bias: biasOf(index) };
    x = decoderLayer(ops, layer, x);
  }
  return x;
}

/** The last norm, of any tokens: [., H]. */
export function llamaFinalNorm(ops: Ops, x: Tensor): Tensor {
  return ops.norm(llamaNames.norm, x);
}

/**
 * The embedding of the pad token learns nothing where it is looked up (`padding_idx` of torch.nn.Embedding): of
 * consequence where the token that ends a turn is the pad token, too.
 * @returns [N, H]
 */
function embeddings(ops: Ops, { padTokenId }: LlamaConfig, ids: Tensor): Tensor {
  const rows = ops.embed(llamaNames.words, ids);
  if (padTokenId === undefined) return rows;
  const learns = cast(notEqual(ids, scalar(padTokenId, 'int32')), 'float32'); // [N]
  return scaleGradient(rows, reshape(learns, [learns.size, 1]));
}

interface Layer {
  readonly config: LlamaConfig;
  readonly shape: ShardShape;
  readonly path: string;
  readonly turn: (heads: Tensor) => Tensor;
  readonly bias: Tensor; // [R, 1, T, T], and as many more as are cached
}

function decoderLayer(ops: Ops, layer: Layer, x: Tensor): Tensor {
  const { path } = layer;
  const attended = selfAttention(ops, layer, ops.norm(`${path}.input_layernorm`, x));
  const middle = add(x, ops.sublayer(`${path}.self_attn`, attended)); // [N, H]
  const inner = ops.norm(`${path}.post_attention_layernorm`, middle);
  return add(middle, ops.sublayer(`${path}.mlp`, feedForward(ops, `${path}.mlp`, inner)));
}

/** @returns [N, H] */
function selfAttention(ops: Ops, { config, shape, path, turn, bias }: Layer, x: Tensor): Tensor {
  const attention = `${path}.self_attn`;
  const heads = (name: string, count: number) =>
    splitHeads(ops.linear(`${attention}.${name}_proj`, x), shape, count); // [R, count, T, D]
  const normed = (name: string, own: Tensor) =>
    config.headNorms ? ops.norm(`${attention}.${name}_norm`, own) : own;
  const context = ops.attend(attention, {
    query: turn(normed('q', heads('q', config.numHeads))),
    key: turn(normed('k', heads('k', config.numKeyHeads))),
    value: heads('v', config.numKeyHeads),
    bias,
    scale: config.headWidth ** -0.5,
    dropout: { site: attention, rate: config.attentionDropout },
  }); // [R, A, T, D]
  return ops.linear(`${attention}.o_proj`, joinHeads(context));
}

function feedForward(ops: Ops, path: string, x: Tensor): Tensor {
  const gate = ops.linear(`${path}.gate_proj`, x); // [N, I]
  const up = ops.linear(`${path}.up_proj`, x);
  return ops.linear(`${path}.down_proj`, siluGate(gate, up));
}

/**
 * Turns heads [R, ., T, D] by their tokens' positions. The tables are constants of the graph, picked by position.
 * @param positions those of all tokens are below
 */
function rotation(
  { rotary: settings }: LlamaConfig,
  {
    shape: { rows, tokens },
    positions,
  }: { readonly shape: ShardShape; readonly positions: number },
  positionIds: Tensor,
): (heads: Tensor) => Tensor {
  const tables = rotaryTables(settings, positions);
  const width = settings.headWidth / 2;
  const pick = (table: Float32Array) =>
    reshape(gather(tensor2d(table, [positions, width]), positionIds as never), [
      rows,
      1,
      tokens,
      width,
    ]);
  const [cosine, sine] = [pick(tables.cosine), pick(tables.sine)];
  return (heads) => rotary(heads, cosine, sine);
}
