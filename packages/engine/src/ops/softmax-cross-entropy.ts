/** Cross entropy of a softmax, summed, with the options of torch.nn.CrossEntropyLoss. */
import {
  add, cast, customGrad, exp, logSoftmax, mul, neg, notEqual, oneHot, reshape, scalar, sub, sum,
} from '@tensorflow/tfjs-core'; // prettier-ignore
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import { registerGradients } from '../gradients/register-gradients.js';

export interface CrossEntropyOptions {
  /** Rows with this label do not count. Default -100. */
  readonly ignoreIndex?: number;
  /** Share of the target spread evenly over all classes, in [0, 1). Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * Sum over counted rows of -(1 - s) log p[label] - s / C sum(log p): torch's `reduction='sum'`.
 * @param logits [N, C]
 * @param labels int32 [N]
 * @returns a scalar
 * @throws MicrotuneError `usage` for shapes that do not fit
 */
export function softmaxCrossEntropy(
  logits: Tensor,
  labels: Tensor,
  options: CrossEntropyOptions = {},
): Tensor {
  const { ignoreIndex = -100, labelSmoothing = 0 } = options;
  const [rows, classes] = logits.shape;
  if (logits.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== rows) {
    throw new MicrotuneError(
      'usage',
      `logits [${logits.shape.join(', ')}] do not fit labels [${labels.shape.join(', ')}]`,
    );
  }
  registerGradients();
  const differentiable = customGrad((...all: unknown[]) => {
    const [input, classIds, save] = all as [Tensor, Tensor, (saved: Tensor[]) => void];
    const counted = reshape(cast(notEqual(classIds, scalar(ignoreIndex, 'int32')), 'float32'), [
      rows!,
      1,
    ]); // [N, 1]
    const target = mul(targets(classIds, classes!, labelSmoothing), counted); // [N, C]
    const logProbabilities = logSoftmax(input); // [N, C]
    save([logProbabilities, target, counted, classIds]);
    return { value: neg(sum(mul(target, logProbabilities))), gradFunc: gradients };
  });
  return differentiable(logits, labels);
}

/** The distribution that the softmax should have. */
function targets(labels: Tensor, classes: number, smoothing: number): Tensor {
  const exact = cast(oneHot(labels, classes), 'float32');
  return smoothing === 0
    ? exact
    : add(mul(exact, scalar(1 - smoothing)), scalar(smoothing / classes));
}

/** d loss / d logits = counted * softmax - target, as a counted target sums to one. */
function gradients(dy: Tensor, saved: Tensor[]): Tensor[] {
  const [logProbabilities, target, counted, labels] = saved as [Tensor, Tensor, Tensor, Tensor];
  return [mul(sub(mul(exp(logProbabilities), counted), target), dy), labels];
}
