/**
 * Logits of one place to probabilities of the next token, as transformers' LogitsProcessors make them, in the order of `generate`:
 * repetition penalty, temperature, top-k, top-p.
 */
import { assert } from '@microtune/shared';
import type { SamplingOptions } from './sampling-options.js';

/**
 * A pure function of its arguments, in float64.
 * @param logits [vocabulary], left as they are
 * @param said tokens so far, the prompt's included
 * @returns [vocabulary] probabilities; with a temperature of 0 all of it is on the likeliest token, the first of several
 * @throws MicrotuneError `internal` for logits that are not numbers
 */
export function tokenProbabilities(
  logits: Float32Array,
  said: Iterable<number>,
  { temperature, topK, topP, repetitionPenalty }: SamplingOptions,
): Float64Array {
  const scores = Float64Array.from(logits);
  assert(!scores.some(Number.isNaN), 'a logit is no number');
  if (repetitionPenalty !== 1) penalize(scores, said, repetitionPenalty);
  if (temperature === 0) return certain(scores);
  if (temperature !== 1) scores.forEach((score, id) => (scores[id] = score / temperature));
  if (topK > 0 && topK < scores.length) keepLikeliest(scores, topK);
  if (topP < 1) keepNucleus(scores, topP);
  return softmax(scores);
}

function penalize(scores: Float64Array, said: Iterable<number>, penalty: number): void {
  for (const id of new Set(said)) {
    const score = scores[id] ?? 0;
    scores[id] = score < 0 ? score * penalty : score / penalty;
  }
}

function certain(scores: Float64Array): Float64Array {
  let best = 0;
  for (let id = 1; id < scores.length; id++) {
    if ((scores[id] ?? 0) > (scores[best] ?? 0)) best = id;
  }
  const probabilities = new Float64Array(scores.length);
  probabilities[best] = 1;
  return probabilities;
}

function keepLikeliest(scores: Float64Array, count: number): void {
  const least = scores.toSorted().at(-count) ?? -Infinity;
  scores.forEach((score, id) => {
    if (score < least) scores[id] = -Infinity;
  });
}

/** Of equal scores those of later tokens stay, as a stable sort has them. */
function keepNucleus(scores: Float64Array, topP: number): void {
  const probabilities = softmax(scores);
  const rising = Array.from(scores.keys()).sort((a, b) => (scores[a] ?? 0) - (scores[b] ?? 0));
  rising.pop(); // The likeliest always stays.
  let sum = 0;
  for (const id of rising) {
    sum += probabilities[id] ?? 0;
    if (sum > 1 - topP) return;
    scores[id] = -Infinity;
  }
}

function softmax(scores: Float64Array): Float64Array {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}
