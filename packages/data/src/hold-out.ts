import { MicrotuneError } from '@microtune/shared';
import { createRandom, permutation, purposes } from './random.js';

/**
 * Splits rows 0..size-1 into training and held-out ones by a seeded permutation; both keep the order of the file.
 * @param fraction of the rows held out, above 0 and below 1, rounded up as scikit-learn does
 * @throws MicrotuneError `usage` when nothing is left to train on
 */
export function holdOut(
  size: number,
  fraction: number,
  seed: number,
): { train: Int32Array; validation: Int32Array } {
  const held = Math.ceil(size * fraction);
  if (held >= size) {
    throw new MicrotuneError(
      'usage',
      `validation_split ${fraction} of ${size} rows leaves no row to train on`,
    );
  }
  const order = permutation(size, createRandom([purposes.holdOut, seed]));
  return { train: order.slice(held).sort(), validation: order.slice(0, held).sort() };
}
