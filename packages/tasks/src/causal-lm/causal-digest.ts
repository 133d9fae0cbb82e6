/** What a worker sends of an evaluated shard: three numbers in place of logits. float64 little-endian: loss sum, weight, correct. */
import { assert } from '@microtune/shared';
import type { Batch } from '../collator.js';
import { outputNames, type EvaluatedShard, type MetricsWithLoss, type Outputs } from '../task.js';

/** float32 []: counted tokens that the model would have said itself. */
export const correctName = 'correct';

export const causalMetricNames = ['loss', 'perplexity', 'accuracy'] as const;

export function causalDigest({ weight }: Batch, outputs: Outputs): Uint8Array<ArrayBuffer> {
  const number = (name: string): number => {
    const value = outputs[name]?.[0];
    assert(value !== undefined, `an evaluation graph of a language model gives ${name}`);
    return value;
  };
  const digest = new Float64Array([number(outputNames.lossSum), weight, number(correctName)]);
  return new Uint8Array(digest.buffer);
}

/**
 * Means over all counted tokens, each weighing the same. Sums are taken in shard order, so they do not depend on the workers.
 * @param targetTokens of the split
 * @throws MicrotuneError `internal` when shards are missing or counted twice
 */
export function scoreCausal(
  evaluated: readonly EvaluatedShard[],
  targetTokens: number,
): MetricsWithLoss {
  let [lossSum, weight, correct] = [0, 0, 0];
  for (const { digest } of evaluated) {
    // Copied, because the bytes of a message may start at any address.
    const [loss = NaN, counted = NaN, right = NaN] = new Float64Array(
      new Uint8Array(digest).buffer,
    );
    lossSum += loss;
    weight += counted;
    correct += right;
  }
  assert(weight === targetTokens, `${weight} tokens evaluated of ${targetTokens}`);
  const loss = lossSum / weight;
  return { loss, perplexity: Math.exp(loss), accuracy: correct / weight };
}
