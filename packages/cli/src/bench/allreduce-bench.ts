/**
 * The all-reduce alone, between this process and one child: each gives the gradient of one shard, both end with the
 * sum. The child is the hidden command `bench-peer`; they introduce each other over the IPC channel.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { alignedFloats, createArena } from '@microtune/arena';
import {
  allReduceFloats,
  createAllReduce,
  createSlotPool,
  createZeromqTransport,
  type Transport,
} from '@microtune/collective';
import { MicrotuneError } from '@microtune/shared';
import { z } from 'zod';
import { spreadOf, timesOf, type Spread } from './statistics.js';
import { commandFile } from '../own-files.js';

const workSchema = z.object({
  /** By rank. */
  endpoints: z.array(z.string()),
  /** Bytes of the gradients to reduce, one after the other. */
  sizes: z.array(z.number().int().positive()),
  repeats: z.number().int().positive(),
});
type Work = z.output<typeof workSchema>;

const helloSchema = z.object({ endpoint: z.string() });

export interface AllReduceResult extends Spread {
  readonly bytes: number;
  /** Bytes of the gradient per second of the median. */
  readonly bytesPerSecond: number;
}

const warmups = 3;
const connectTimeoutMs = 10_000;
/** @param sizes bytes of the gradients */
export async function benchAllReduce(
  sizes: readonly number[],
  repeats: number,
): Promise<AllReduceResult[]> {
  const child = fork(commandFile, ['bench-peer'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const transport = await createZeromqTransport({ rank: 0 });
  try {
    const gone = once(child, 'exit').then(() => {
      throw new MicrotuneError('transient', 'the other process of the benchmark ended early');
    });
    const [hello] = (await Promise.race([once(child, 'message'), gone])) as [unknown];
    const endpoints = [transport.endpoint, helloSchema.parse(hello).endpoint];
    const work: Work = { endpoints, sizes: [...sizes], repeats };
    child.send(work);
    return await Promise.race([reduceAll(transport, work), gone]);
  } finally {
    child.kill();
    await transport.close();
  }
}

/** The child's part: answers one `benchAllReduce`, then ends. */
export async function joinAllReduceBench(): Promise<void> {
  const transport = await createZeromqTransport({ rank: 1 });
  process.send?.({ endpoint: transport.endpoint });
  const [work] = (await once(process, 'message')) as [unknown];
  await reduceAll(transport, workSchema.parse(work));
  await transport.close();
}

async function reduceAll(transport: Transport, work: Work): Promise<AllReduceResult[]> {
  const { rank } = transport;
  const peers = work.endpoints.map((bulkEndpoint, peer) => ({ rank: peer, bulkEndpoint }));
  await transport.connect(peers, connectTimeoutMs);
  const results: AllReduceResult[] = [];
  let step = 0;
  for (const bytes of work.sizes) {
    const count = bytes / Float32Array.BYTES_PER_ELEMENT;
    const arena = await createArena(2 * alignedFloats(count) + allReduceFloats(peers.length));
    const pool = createSlotPool(arena, count);
    const runId = `bench-${bytes}`;
    const reduce = createAllReduce({ transport, arena, pool, runId, epoch: 0, count, widths: [] });
    const dense = pool.take();
    const partials = [{ node: { level: 0, index: rank }, dense, rows: [] }];
    const losses = [{ shard: rank, lossSum: 0, weight: 1 }];
    const once = async (): Promise<void> => {
      step += 1;
      await reduce.reduce(step, peers.length, partials, losses);
    };
    const spread = spreadOf(await timesOf(once, { repeats: work.repeats, warmups }));
    results.push({ bytes, ...spread, bytesPerSecond: (bytes * 1000) / spread.medianMs });
  }
  return results;
}
