/** The tensors of lora.ts. Letters: N rows of numbers, r rank. */
import { add, matMul, mul, scalar } from '@tensorflow/tfjs-core';
import { loraNames } from './peft-names.js';
import type { WrapOps } from './method.js';

export interface LoraOpsOptions {
  /** Of the modules that it goes to. */
  readonly paths: ReadonlySet<string>;
  readonly scale: number;
  readonly dropout: number;
}

export function wrapLora({ paths, scale, dropout }: LoraOpsOptions): WrapOps {
  return (ops, weight) => ({
    ...ops,
    linear: (path, x) => {
      const product = ops.linear(path, x); // [N, out]
      if (!paths.has(path)) return product;
      const { a, b } = loraNames(path);
      const input = ops.drop(`${path}.lora_dropout`, dropout, x); // [N, in]
      const narrow = matMul(input, weight(a), false, true); // [N, r]
      return add(product, mul(matMul(narrow, weight(b), false, true), scalar(scale)));
    },
  });
}
