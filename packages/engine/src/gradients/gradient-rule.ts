/** What a gradient rule is, and the helpers that rules share. */
import { broadcast_util, reshape, sum } from '@tensorflow/tfjs-core';
import type { GradConfig, Tensor } from '@tensorflow/tfjs-core';

export type GradientRule = Omit<GradConfig, 'kernelName'>;
export type Gradients = Record<string, () => Tensor>;

/**
 * A rule of a kernel with one output. `saved` are the inputs named, in that order, then the output if asked for.
 * tfjs types dy, saved and attributes loosely; what they are is fixed by the kernel name.
 */
export function rule<Attributes = object>(
  save: { readonly inputs?: readonly string[]; readonly output?: boolean },
  gradients: (dy: Tensor, saved: readonly Tensor[], attributes: Attributes) => Gradients,
): GradientRule {
  return {
    inputsToSave: [...(save.inputs ?? [])],
    outputsToSave: [save.output ?? false],
    gradFunc: (dy, saved, attributes) => gradients(dy as Tensor, saved, attributes as Attributes),
  };
}

/** Sums a gradient over the axes along which an operand of `shape` was broadcast. */
export function sumTo(gradient: Tensor, shape: readonly number[]): Tensor {
  const axes = broadcast_util.getReductionAxes([...shape], gradient.shape);
  return reshape(axes.length === 0 ? gradient : sum(gradient, axes), [...shape]);
}
