/**
 * Fisher-Yates with a small linear congruential generator: the same order everywhere.
 * @template Item
 * @param {readonly Item[]} items
 * @param {number} seed
 * @returns {Item[]}
 */
export function shuffled(items, seed) {
  let state = seed;
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}
