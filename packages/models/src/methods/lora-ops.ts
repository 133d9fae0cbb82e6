/** The tensors of lora.ts. Letters: N rows of numbers, r rank. */
import {
  add,
  customGrad,
  div,
  matMul,
  mul,
  reshape,
  scalar,
  sqrt,
  square,
  sub,
  sum,
  transpose,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { Ops } from '../program/ops.js';
import type { LoraPlace } from './lora.js';
import { loraNames } from './peft-names.js';
import type { WrapOps } from './method.js';

export interface LoraOpsOptions {
  /** By path. */
  readonly places: ReadonlyMap<string, LoraPlace>;
  readonly dropout: number;
}

type Weight = Parameters<WrapOps>[1];

export function wrapLora({ places, dropout }: LoraOpsOptions): WrapOps {
  return (ops, weight) => ({
    ...ops,
    linear: (path, x) => {
      const product = ops.linear(path, x); // [N, out]
      const place = places.get(path);
      if (place === undefined) return product;
      const { a, b } = loraNames(path);
      const input = ops.drop(`${path}.lora_dropout`, dropout, x); // [N, in]
      const narrow = matMul(input, weight(a), false, true); // [N, r]
      const update = mul(matMul(narrow, weight(b), false, true), scalar(place.scale)); // [N, out]
      if (!place.useDora) return add(product, update);
      return decomposed({ ops, weight, place }, { x, input, product, update });
    },
  });
}

/**
 * DoRA: y = b + m / |W + s B A| (x Wᵀ + update). In training with dropout the part that m adds takes the input that was dropped out,
 * as in peft/tuners/lora/dora.py.
 */
function decomposed(
  { ops, weight, place }: { ops: Ops; weight: Weight; place: LoraPlace },
  given: {
    readonly x: Tensor; // [N, in]
    readonly input: Tensor; // [N, in]
    readonly product: Tensor; // [N, out]
    readonly update: Tensor; // [N, out]
  },
): Tensor {
  const { x, input, product, update } = given;
  const { path, hasBias } = place.module;
  const whole = input === x ? product : ops.linear(path, input); // [N, out]
  const bare = hasBias ? sub(whole, weight(`${path}.bias`)) : whole; // [N, out]
  const length = rowLengths(weight, place); // [1, out]
  const factor = div(reshape(weight(loraNames(path).magnitude), length.shape), length); // [1, out]
  const change = add(mul(sub(factor, scalar(1)), bare), mul(factor, update)); // [N, out]
  return add(product, change);
}

/** |W + s B A| of each row, [1, out]: a constant of the backward pass (section 4.3 of the paper). */
function rowLengths(weight: Weight, { module: { path, kind }, scale }: LoraPlace): Tensor {
  const { a, b } = loraNames(path);
  // What a customGrad computes inside itself is not recorded; of its one argument nobody asks a gradient.
  const constant = customGrad((one: unknown) => {
    const product = mul(matMul(weight(b), weight(a)), scalar(scale)); // [out, in]
    const isConv = kind === 'conv1d';
    const moved = add(weight(`${path}.weight`), isConv ? transpose(product) : product);
    const lengths = sqrt(sum(square(moved), isConv ? 0 : 1)); // [out]
    return {
      value: reshape(lengths, [1, lengths.size]),
      gradFunc: () => [one as Tensor],
    };
  });
  return constant(scalar(1));
}
