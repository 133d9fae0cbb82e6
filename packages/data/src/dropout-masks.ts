/**
 * Dropout masks that depend on (seed, step, row, site) and not on who computes them; a row goes by its first sample. Drawing fresh bytes for every mask
 * would cost 5-15 ms a step, so for each rate one pool of Bernoulli bytes is drawn once, and a row of a mask is copied
 * from it in blocks, each from an offset hashed of (seed, step, sample, site, block). Two rows share a bit at the same place only when
 * two of some four million offsets coincide.
 */
import { assert } from '@microtune/shared';
import { createRandom, fold, purposes } from './random.js';

/** A place where dropout acts (structurally the models' DropoutSite). */
export interface MaskSite {
  readonly site: string;
  /** Probability that an element is dropped. */
  readonly rate: number;
  /** First axis rows, or rows * tokens with rows outermost. */
  readonly shape: readonly number[];
}

export interface DropoutMasks {
  /** Draws the pool of a rate now and not when it is first needed. */
  prepare(rate: number): void;
  /**
   * Fills a mask: 1 keeps, 0 drops; rows without a sample keep everything.
   * @param mask bytes of the site's shape
   * @param place the optimizer step, the rows of the shard's shape, and the first sample of each real row
   */
  fill(mask: Uint8Array, site: MaskSite, place: MaskPlace): void;
}

export interface MaskPlace {
  readonly step: number;
  readonly rows: number;
  readonly samples: readonly number[];
}

const offsetCount = 2 ** 22;
/** Long rows are put together from blocks, so that the pool need not be longer than any row. */
const blockBytes = 2 ** 16;

/** @param seed of the run; pools are drawn when a rate is first seen (20 ms each) */
export function createDropoutMasks({ seed }: { seed: number }): DropoutMasks {
  const pools = new Map<number, Uint8Array>();
  const siteHashes = new Map<string, number>();
  const seedHash = [purposes.dropoutOffset, seed].reduce(fold, 0);

  const poolOf = (rate: number): Uint8Array => {
    const pool = pools.get(rate) ?? drawPool(seed, rate);
    pools.set(rate, pool);
    return pool;
  };
  const hashOf = (site: string): number => {
    const hash = siteHashes.get(site) ?? [...Buffer.from(site)].reduce(fold, seedHash);
    siteHashes.set(site, hash);
    return hash;
  };

  return {
    prepare: (rate) => void poolOf(rate),
    fill(mask, { site, rate, shape }, { step, rows, samples }) {
      const rowBytes = mask.length / rows;
      assert(Number.isInteger(rowBytes), `a mask of ${mask.length} bytes for ${rows} rows`);
      assert(
        mask.length === shape.reduce((a, b) => a * b, 1),
        `mask of site ${site} has another size than its shape`,
      );
      const pool = poolOf(rate);
      const stepHash = fold(hashOf(site), step);
      for (const [row, sample] of samples.entries()) {
        const rowHash = fold(stepHash, sample);
        for (let done = 0; done < rowBytes; done += blockBytes) {
          const offset = fold(rowHash, done) % offsetCount;
          const count = Math.min(blockBytes, rowBytes - done);
          mask.set(pool.subarray(offset, offset + count), row * rowBytes + done);
        }
      }
      mask.fill(1, samples.length * rowBytes);
    },
  };
}

function drawPool(seed: number, rate: number): Uint8Array {
  const threshold = Math.round(rate * 2 ** 32);
  const random = createRandom([purposes.dropoutPool, seed, threshold]);
  const pool = new Uint8Array(offsetCount + blockBytes);
  for (let i = 0; i < pool.length; i++) pool[i] = random.uint32() >= threshold ? 1 : 0;
  return pool;
}
