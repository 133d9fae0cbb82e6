/** The main file of a child process: one rank of an all-reduce, timed. */
import { createArena } from '@microtune/arena';
import {
  allReduceFloats,
  createAllReduce,
  createPartialSums,
  createSlotPool,
  createZeromqTransport,
  type Transport,
} from '@microtune/collective';

export type ToRank =
  /** @param readMemory false sends payloads over loopback TCP instead */
  | { type: 'open'; rank: number; readMemory: boolean }
  | { type: 'connect'; peers: { rank: number; bulkEndpoint: string }[] }
  | { type: 'time'; mib: number; iterations: number; chunkBytes?: number };

/** Endpoint, nothing, or milliseconds per iteration. */
export type FromRank = string | true | number[];

let transport: Transport;
let runs = 0;

async function answer(message: ToRank): Promise<FromRank> {
  switch (message.type) {
    case 'open':
      transport = await createZeromqTransport(message);
      return transport.endpoint;
    case 'connect':
      await transport.connect(message.peers, 5000);
      return true;
    case 'time':
      return timeReductions(message);
  }
}

/** Every rank has one shard; the commit of one iteration is the barrier before the next. */
async function timeReductions({
  mib,
  iterations,
  chunkBytes,
}: {
  mib: number;
  iterations: number;
  chunkBytes?: number;
}): Promise<number[]> {
  const { rank, worldSize } = transport;
  const count = Math.floor((mib * 2 ** 20) / 4);
  const arena = await createArena(2 * count + 64 + allReduceFloats(worldSize, chunkBytes));
  const pool = createSlotPool(arena, count);
  const sums = createPartialSums({ arena, pool, widths: [] });
  const runId = `bench-${++runs}`;
  const reduce = createAllReduce({
    transport,
    arena,
    pool,
    runId,
    epoch: 0,
    count,
    widths: [],
    chunkBytes,
  });
  const times: number[] = [];
  const warmups = 3;
  for (let step = 1; step <= warmups + iterations; step++) {
    sums.slot().view[0] = rank;
    sums.push(rank, []);
    const start = performance.now();
    await reduce.reduce(step, worldSize, sums.sums(), [{ shard: rank, lossSum: 1, weight: 1 }]);
    if (step > warmups) times.push(performance.now() - start);
    sums.clear();
  }
  return times;
}

process.on('message', (message: ToRank) => {
  answer(message).then(
    (reply) => process.send?.(reply),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
