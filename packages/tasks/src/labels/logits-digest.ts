/** The digest of tasks that score logits: float32 little-endian [samples, width], in the order of `placesIn`. */
import { assert, placesIn } from '@microtune/shared';
import type { Batch } from '../collator.js';
import { outputNames, type EvaluatedShard, type Outputs } from '../task.js';

/** @returns the logits of the shard's samples, empty places left out */
export function logitsDigest(
  batch: Batch,
  outputs: Outputs,
  width: number,
): Uint8Array<ArrayBuffer> {
  const logits = outputs[outputNames.logits];
  assert(logits instanceof Float32Array, 'an evaluation graph gives logits');
  const places = placesIn(batch);
  const digest = new Float32Array(places.length * width);
  places.forEach(({ place }, at) =>
    digest.set(logits.subarray(place * width, (place + 1) * width), at * width),
  );
  return new Uint8Array(digest.buffer);
}

/**
 * @returns logits [size, width] in sample order
 * @throws MicrotuneError `internal` when a sample is missing, counted twice, or has more or fewer logits
 */
export function gatherLogits(
  evaluated: readonly EvaluatedShard[],
  { size, width }: { readonly size: number; readonly width: number },
): Float32Array {
  const logits = new Float32Array(size * width);
  const seen = new Uint8Array(size);
  for (const { shard, digest } of evaluated) {
    // Copied, because the bytes of a message may start at any address (and slice of a Buffer copies nothing).
    const values = new Float32Array(new Uint8Array(digest).buffer);
    const places = placesIn(shard);
    assert(
      values.length === places.length * width,
      `${values.length} logits for ${places.length} samples`,
    );
    places.forEach(({ sample }, at) => {
      assert(sample < size && seen[sample] === 0, `row ${sample} evaluated twice or unknown`);
      seen[sample] = 1;
      logits.set(values.subarray(at * width, (at + 1) * width), sample * width);
    });
  }
  const missing = seen.indexOf(0);
  assert(missing === -1, `row ${missing} was not evaluated`);
  return logits;
}
