/** The tensors of ia3.ts. Letters: N rows of numbers. */
import { mul, reshape } from '@tensorflow/tfjs-core';
import type { ScalesInput } from './ia3.js';
import type { WrapOps } from './method.js';
import { ia3Name } from './peft-names.js';

/** @param places by path */
export function wrapIa3(places: ReadonlyMap<string, ScalesInput>): WrapOps {
  return (ops, weight) => ({
    ...ops,
    linear: (path, x) => {
      const scalesInput = places.get(path);
      if (scalesInput === undefined) return ops.linear(path, x);
      const vector = weight(ia3Name(path));
      const factors = reshape(vector, [1, vector.size]); // [1, in] or [1, out]
      return scalesInput ? ops.linear(path, mul(x, factors)) : mul(ops.linear(path, x), factors); // [N, out]
    },
  });
}
