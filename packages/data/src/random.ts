/**
 * The one random generator of this package: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom
 * number generators", 2018), seeded through splitmix32 from a list of integers. Everything drawn from it is
 * a pure function of that list, so any process that knows (seed, purpose, epoch) draws the same numbers.
 */

export interface Random {
  /** The next 32 random bits as an unsigned integer. */
  uint32(): number;
  /** Uniform in [0, bound), without modulo bias. */
  below(bound: number): number;
}

/** Keeps streams of different purposes apart: the first key of every generator. */
export const purposes = {
  epochOrder: 1,
  holdOut: 2,
  dropoutPool: 3,
  dropoutOffset: 4,
  shapes: 5,
  sampling: 6,
} as const;

/** One round of a 32-bit mixing function (the finalizer of MurmurHash3): every input bit changes every output bit. */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Folds one more key into a hash; the order of keys matters. Keys above 2^32 give both their halves. */
export function fold(hash: number, key: number): number {
  const low = mix32((hash + 0x9e3779b9) ^ (key >>> 0));
  const high = Math.floor(key / 0x1_0000_0000);
  return high === 0 ? low : mix32((low + 0x9e3779b9) ^ high);
}

/** @param keys nonnegative integers: purpose, seed, epoch… */
export function createRandom(keys: readonly number[]): Random {
  let splitmix = keys.reduce(fold, 0);
  const next = (): number => {
    splitmix = (splitmix + 0x9e3779b9) >>> 0;
    return mix32(splitmix);
  };
  // The all-zero state is the one xoshiro never leaves.
  let [a, b, c, d] = [next(), next(), next(), next() | 1];

  const uint32 = (): number => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };

  const below = (bound: number): number => {
    // Reject the last incomplete run of `bound` values.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let drawn = uint32();
    while (drawn >= limit) drawn = uint32();
    return drawn % bound;
  };
  return { uint32, below };
}

/** A uniform permutation of 0..size-1 (Fisher-Yates). */
export function permutation(size: number, random: Random): Int32Array {
  const order = Int32Array.from({ length: size }, (_, index) => index);
  for (let last = size - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const moved = order[last] ?? 0;
    order[last] = order[other] ?? 0;
    order[other] = moved;
  }
  return order;
}
