/**
 * Rotary position embedding (Su et al. 2021) in HuggingFace's layout: element i of a head turns together with element
 * i + D / 2. Cosines and sines are given, made on the host in float64, so that every engine turns by the same bits.
 *
 * Letters: B any leading axes, T positions, D width of a head.
 */
import { add, concat, customGrad, mul, neg, split } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { MicrotuneError } from '@microtune/shared';
import { registerGradients } from '../gradients/register-gradients.js';

/**
 * Turns each pair of elements by the angle of its position.
 * @param x [...B, T, D]
 * @param cosine broadcasts to [...B, T, D / 2]; a constant of the batch: it gets no gradient
 * @param sine as `cosine`
 * @returns [...B, T, D]
 * @throws MicrotuneError `usage` when the angles do not fit the width
 */
export function rotary(x: Tensor, cosine: Tensor, sine: Tensor): Tensor {
  const width = x.shape.at(-1) ?? 0;
  if (2 * (cosine.shape.at(-1) ?? 0) !== width || cosine.shape.join() !== sine.shape.join()) {
    throw new MicrotuneError(
      'usage',
      `rotary needs cosines and sines of half the width ${width}, ` +
        `got [${cosine.shape.join(', ')}] and [${sine.shape.join(', ')}]`,
    );
  }
  registerGradients();
  const differentiable = customGrad((...all: unknown[]) => {
    const [input, cos, sin, save] = all as [Tensor, Tensor, Tensor, (saved: Tensor[]) => void];
    save([cos, sin]);
    return { value: turned(input, cos, sin, 1), gradFunc: gradients };
  });
  return differentiable(x, cosine, sine);
}

/** The gradient of a turn is the turn back. */
function gradients(dy: Tensor, saved: Tensor[]): Tensor[] {
  const [cosine, sine] = saved as [Tensor, Tensor];
  // The angles have no gradient; tfjs wants one tensor per argument and does not use these.
  return [turned(dy, cosine, sine, -1), cosine, sine];
}

/**
 * Differences are written as sums with negated sines, which give the same bits: OpenVINO 2026.4 makes one op of its own of the other
 * form, and reads that op wrongly out of a compiled graph that it kept (gradients of the embeddings were off by half).
 */
function turned(x: Tensor, cosine: Tensor, sine: Tensor, direction: 1 | -1): Tensor {
  const [low, high] = split(x, 2, -1) as [Tensor, Tensor]; // [...B, T, D / 2] each
  const opposite = neg(sine);
  const [ofLow, ofHigh] = direction === 1 ? [sine, opposite] : [opposite, sine];
  const parts = [add(mul(low, cosine), mul(high, ofHigh)), add(mul(high, cosine), mul(low, ofLow))];
  return concat(parts, -1);
}
