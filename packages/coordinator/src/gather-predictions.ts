/** Puts the logits of all workers into sample order and proves that every row is there exactly once. */
import { assert } from '@microtune/shared';
import type { Evaluated } from './decide/run-spec.js';
import type { Predictions } from '@microtune/data';

/**
 * @param labels [rows] of the split, by sample index
 * @throws MicrotuneError `internal` when a row is missing or counted twice
 */
export function gatherPredictions(
  parts: readonly Evaluated[],
  labels: Float32Array,
  numLabels: number,
): Predictions {
  const logits = new Float32Array(labels.length * numLabels);
  const seen = new Uint8Array(labels.length);
  for (const { samples, logits: bytes } of parts) {
    // Copied, because the bytes of a message may start at any address (and slice of a Buffer copies nothing).
    const values = new Float32Array(new Uint8Array(bytes).buffer);
    assert(
      values.length === samples.length * numLabels,
      `${values.length} logits for ${samples.length} rows`,
    );
    samples.forEach((sample, row) => {
      assert(
        sample < labels.length && seen[sample] === 0,
        `row ${sample} evaluated twice or unknown`,
      );
      seen[sample] = 1;
      logits.set(values.subarray(row * numLabels, (row + 1) * numLabels), sample * numLabels);
    });
  }
  const missing = seen.indexOf(0);
  assert(missing === -1, `row ${missing} was not evaluated`);
  return { numLabels, logits, labels };
}
