/** An order between parts of a graph that do not depend on each other, so that not all of them take memory at once. */
import { add, neg, relu } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * `x`, not computed before `earlier` is there: `earlier` comes in as relu(-relu(earlier)), a zero that neither our passes
 * nor the engines see through. Where `earlier` is NaN, so is x. For use inside a customGrad: it has no gradient of its own.
 * @param x any shape
 * @param earlier a scalar
 */
export function after(x: Tensor, earlier: Tensor): Tensor {
  return add(x, relu(neg(relu(earlier))));
}
