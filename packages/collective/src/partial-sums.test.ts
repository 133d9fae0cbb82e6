import { createArena } from '@microtune/arena';
import { describe, expect, it } from 'vitest';
import { createPartialSums, sumsHeld } from './partial-sums.js';
import { createSlotPool } from './slot-pool.js';

async function createSums(slots: number) {
  const arena = await createArena(slots * 16);
  let lent = 0;
  const pool = createSlotPool(arena, 16);
  const counted = {
    take: () => {
      lent++;
      return pool.take();
    },
    giveBack: (slot: ReturnType<typeof pool.take>) => {
      lent--;
      pool.giveBack(slot);
    },
  };
  return { sums: createPartialSums({ arena, pool: counted, widths: [1] }), lent: () => lent };
}

const row = (id: number, value: number) => ({
  ids: Int32Array.of(id),
  values: Float32Array.of(value),
});

describe('partial sums', () => {
  it('are those of the maximal complete nodes', async () => {
    const { sums } = await createSums(8);
    for (let shard = 1; shard < 7; shard++) {
      sums.slot().view.fill(shard);
      sums.push(shard, [row(shard % 2, shard)]);
    }
    const found = sums.sums().map(({ node, dense, rows }) => ({
      node: [node.level, node.index],
      dense: dense.view[0],
      rows: rows.map(({ ids, values }) => [[...ids], [...values]]),
    }));
    expect(found).toEqual([
      { node: [0, 1], dense: 1, rows: [[[1], [1]]] },
      {
        node: [1, 1],
        dense: 5,
        rows: [
          [
            [0, 1],
            [2, 3],
          ],
        ],
      },
      {
        node: [1, 2],
        dense: 9,
        rows: [
          [
            [0, 1],
            [4, 5],
          ],
        ],
      },
      { node: [0, 6], dense: 6, rows: [[[0], [6]]] },
    ]);
  });

  it('need the slots that sumsHeld says, whatever the range', async () => {
    for (const shards of [1, 2, 3, 4, 5, 7, 8, 11, 12, 15, 16, 23, 31]) {
      const { sums, lent } = await createSums(64);
      for (let from = 0; from < 2 * shards; from++) {
        let most = 0;
        for (let shard = from; shard < from + shards; shard++) {
          sums.slot();
          most = Math.max(most, lent());
          sums.push(shard, [row(0, 1)]);
        }
        sums.clear();
        expect(lent()).toBe(0);
        expect(most).toBe(sumsHeld({ from, to: from + shards }));
      }
    }
    expect(sumsHeld({ from: 3, to: 3 })).toBe(0);
    // From 0: one sum per level of the tree, and the gradient being computed.
    expect([1, 4, 8, 16].map((to) => sumsHeld({ from: 0, to }))).toEqual([1, 3, 4, 5]);
  });

  it('refuse a push without a gradient', async () => {
    const { sums } = await createSums(2);
    expect(() => sums.push(0, [row(0, 1)])).toThrow(/write into slot\(\) first/);
  });
});
