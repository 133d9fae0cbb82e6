/** The next token of a text, by a draw that depends on nothing but what is asked: which run, which text, which place. */
import { createRandom, purposes } from '@microtune/data';
import { assert } from '@microtune/shared';
import type { SamplingOptions } from './sampling-options.js';
import { tokenProbabilities } from './token-probabilities.js';

/** Where a token is drawn: the same place gives the same draw, in whatever batch and order texts are made. */
export interface DrawPlace {
  readonly seed: number;
  /** Which text, from 0. */
  readonly sample: number;
  /** Tokens before it, the prompt's included. */
  readonly position: number;
}

/**
 * A pure function of its arguments.
 * @param logits [vocabulary]
 * @param said tokens so far, the prompt's included
 */
export function chooseToken(
  logits: Float32Array,
  said: Iterable<number>,
  options: SamplingOptions,
  place: DrawPlace,
): number {
  if (options.temperature === 0 && options.repetitionPenalty === 1) return likeliest(logits);
  const probabilities = tokenProbabilities(logits, said, options);
  const drawn = uniformAt(place);
  let [sum, last] = [0, 0];
  for (const [id, probability] of probabilities.entries()) {
    if (probability === 0) continue;
    sum += probability;
    last = id;
    if (drawn < sum) return id;
  }
  // Probabilities add up to a little less than 1.
  return last;
}

/** The first of several. */
function likeliest(logits: Float32Array): number {
  let [best, most] = [0, -Infinity];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? NaN;
    // A comparison with NaN is false either way round.
    if (logit <= most) continue;
    assert(logit > most, 'a logit is no number');
    [best, most] = [id, logit];
  }
  return best;
}

/** In [0, 1), with 53 random bits. */
function uniformAt({ seed, sample, position }: DrawPlace): number {
  const random = createRandom([purposes.sampling, seed, sample, position]);
  const [high, low] = [random.uint32() >>> 5, random.uint32() >>> 6];
  return (high * 2 ** 26 + low) / 2 ** 53;
}
