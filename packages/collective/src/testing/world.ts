/** Ranks in processes of their own, as a resource of a test: `await using world = await startWorld(3, options)`. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { assert } from '@microtune/shared';
import type { FromRank, ToRank } from './rank-process.js';
import type { RankOptions } from './rank.js';

export interface World extends AsyncDisposable {
  readonly processes: readonly ChildProcess[];
  ask(rank: number, message: ToRank): Promise<FromRank>;
  /** The same question to all ranks at once. */
  askAll(message: ToRank): Promise<FromRank[]>;
}

/** @param readMemory whether ranks may read payloads from each other's memory; else all travel over TCP */
export async function startWorld(
  worldSize: number,
  options: RankOptions,
  readMemory = true,
): Promise<World> {
  // The compiled file, also when this one runs from its source.
  const main = fileURLToPath(new URL('../../dist/testing/rank-process.js', import.meta.url));
  const processes = Array.from({ length: worldSize }, () => fork(main));
  const ask = async (rank: number, message: ToRank): Promise<FromRank> => {
    const child = processes[rank];
    assert(child, `rank ${rank} was started`);
    child.send(message);
    const [reply] = (await once(child, 'message')) as [FromRank];
    return reply;
  };
  const ranks = processes.map((_, rank) => rank);
  const opened = await Promise.all(
    ranks.map((rank) => ask(rank, { type: 'open', rank, readMemory })),
  );
  const peers = opened.map((reply, rank) => {
    assert(reply.type === 'opened', `rank ${rank} opened`);
    return { rank, bulkEndpoint: reply.endpoint };
  });
  const askAll = (message: ToRank): Promise<FromRank[]> =>
    Promise.all(ranks.map((rank) => ask(rank, message)));
  await askAll({ type: 'connect', peers, options });
  return {
    processes,
    ask,
    askAll,
    async [Symbol.asyncDispose]() {
      const running = processes.filter(
        ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
      );
      const exits = running.map((child) => once(child, 'exit'));
      for (const child of running) child.kill('SIGKILL');
      await Promise.all(exits);
    },
  };
}
