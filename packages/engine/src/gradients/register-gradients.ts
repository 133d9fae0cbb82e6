/**
 * Gradients for tfjs-core. The node build of @tensorflow/tfjs-core has none; they come with the union package
 * @tensorflow/tfjs, which also loads WebGL, layers and converters (350 ms and 30 MB more per process). Ours are for the
 * kernels that can be traced, and mend what is wrong there: comparisons have a (zero) gradient and products with a
 * broadcast batch sum it. Where a gradient is registered already, because the user imported the union, it stays.
 */
import { getGradient, registerGradient } from '@tensorflow/tfjs-core';
import { elementwiseGradients } from './elementwise-gradients.js';
import { structureGradients } from './structure-gradients.js';

/**
 * Registers the missing gradients in tfjs's registry, so that tf.grads works on tfjs-core alone. `trace` and our ops do
 * it themselves; call it before differentiating eagerly without either. Calling it again does nothing.
 */
export function registerGradients(): void {
  for (const [kernelName, rule] of Object.entries({
    ...elementwiseGradients,
    ...structureGradients,
  })) {
    if (getGradient(kernelName) === undefined) registerGradient({ kernelName, ...rule });
  }
}
