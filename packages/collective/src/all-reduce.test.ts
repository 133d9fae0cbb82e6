import { describe, expect, it } from 'vitest';
import { createMemoryTransports } from './memory-transport.js';
import { createRank, hashOf, type Rank, type RankOptions } from './testing/rank.js';
import { fillGradient } from './testing/step-case.js';
import type { Transport } from './transport.js';

const options = { count: 1003, widths: [5, 8], chunkBytes: 256 };

async function createWorld(
  worldSize: number,
  changes: Partial<RankOptions> = {},
): Promise<{ ranks: Rank[]; transports: Transport[] }> {
  const transports = createMemoryTransports(worldSize);
  const ranks = await Promise.all(
    transports.map((transport) => createRank(transport, { ...options, ...changes })),
  );
  return { ranks, transports };
}

async function hashes(
  worldSize: number,
  shards: number,
  changes?: Partial<RankOptions>,
): Promise<string[]> {
  const { ranks } = await createWorld(worldSize, changes);
  return Promise.all(ranks.map(async (rank) => hashOf(await rank.step(1, shards))));
}

describe('all-reduce in memory', () => {
  it('gives the same bits for 1 to 4 workers and 1 to 9 shards', async () => {
    for (let shards = 1; shards <= 9; shards++) {
      const [alone] = await hashes(1, shards);
      for (const worldSize of [2, 3, 4]) {
        expect(await hashes(worldSize, shards)).toEqual(Array(worldSize).fill(alone));
      }
    }
  });

  it('gives the same bits when every slot is in a memory of its own', async () => {
    const large = { count: 10_003, chunkBytes: 4096 };
    const [one] = await hashes(1, 7, large);
    // Five pages: the zeros, the staging regions, and a slot.
    const apart = { ...large, memoryBytes: 5 * 65_536 };
    for (const worldSize of [1, 2, 3]) {
      expect(await hashes(worldSize, 7, apart)).toEqual(Array(worldSize).fill(one));
    }
  });

  it('adds all shards: close to the float64 sum', async () => {
    const { ranks } = await createWorld(3);
    const [reduced] = await Promise.all(ranks.map((rank) => rank.step(1, 7)));
    const expected = new Float64Array(options.count);
    const shard = new Float32Array(options.count);
    for (let i = 0; i < 7; i++) {
      fillGradient(shard, 1, i);
      shard.forEach((value, at) => (expected[at] = (expected[at] ?? 0) + value));
    }
    const worst = reduced?.dense.view.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? NaN))),
      0,
    );
    expect(worst).toBeLessThan(2e-6);
    expect(reduced?.losses.map(({ weight }) => weight)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('keeps steps apart when a rank runs ahead', async () => {
    const { ranks } = await createWorld(3);
    const run = async (rank: Rank): Promise<string[]> => {
      const results: string[] = [];
      for (let step = 1; step <= 20; step++) results.push(hashOf(await rank.step(step, 5)));
      return results;
    };
    const [first, ...others] = await Promise.all(ranks.map(run));
    for (const other of others) expect(other).toEqual(first);
    expect(new Set(first).size).toBe(20);
  });

  it('lets every buffer be overwritten as soon as it resolves', async () => {
    const { ranks } = await createWorld(3);
    const expected = (await hashes(3, 6))[0];
    const results = await Promise.all(
      ranks.map(async (rank) => {
        const reduced = await rank.step(1, 6);
        const hash = hashOf(reduced);
        reduced.dense.view.fill(NaN);
        for (const { values } of reduced.rows) values.fill(NaN);
        for (const { dense } of rank.sums.sums()) dense.view.fill(NaN);
        return hash;
      }),
    );
    expect(results).toEqual([expected, expected, expected]);
  });

  it('names rank and step of a frame of another step', async () => {
    const { ranks } = await createWorld(2);
    const [mine, theirs] = await Promise.allSettled([ranks[0]?.step(4, 2), ranks[1]?.step(5, 2)]);
    expect(String((mine as PromiseRejectedResult).reason)).toMatch(
      /step 4 .*rank 1 sent a frame of step 5/,
    );
    expect(theirs.status).toBe('rejected');
  });

  it('names rank and step when ranks disagree on the number of shards', async () => {
    const { ranks } = await createWorld(2);
    const [mine] = await Promise.allSettled([ranks[0]?.step(4, 2), ranks[1]?.step(4, 3)]);
    expect(String((mine as PromiseRejectedResult).reason)).toMatch(
      /step 4: rank 1 sent 3 shards of 1003 values where this rank has 2 of 1003/,
    );
  });

  it('names rank and step of frames that do not belong', async () => {
    const header = { runId: 'run', epoch: 0, step: 3 };
    const cases = [
      {
        header: { ...header, phase: 'gather', part: [1] },
        reason: /step 3: rank 1 sent a sum out of order/,
      },
      { header: { ...header, phase: 'gossip', part: [] }, reason: /unknown phase 'gossip'/ },
      { header: { ...header, phase: 'scatter', part: [0, 0] }, reason: /a chunk out of order/ },
      { header: { ...header, phase: 'begin', part: [2, 1003, 2, 0] }, reason: /makes no sense/ },
      { header: { ...header, phase: 'rows', part: [0, 0, 0] }, reason: /not announced/ },
      { header: { ...header, phase: 'commit', part: [] }, reason: /a commit before its time/ },
      { header: { ...header, runId: 'other', phase: 'begin', part: [] }, reason: /of run other/ },
    ];
    for (const { header, reason } of cases) {
      const { ranks, transports } = await createWorld(2);
      transports[1]?.send(0, header);
      await expect(ranks[0]?.step(3, 2)).rejects.toThrow(reason);
    }
  });

  it('ends when a peer or the transport closes', async () => {
    const { ranks, transports } = await createWorld(2);
    const reduced = ranks[0]?.step(9, 2);
    await transports[1]?.close();
    await expect(reduced).rejects.toThrow(/step 9: rank 1 closed its bulk connection/);
  });
});
