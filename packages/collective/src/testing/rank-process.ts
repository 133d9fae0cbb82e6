/** The main file of a child process that is one rank of an all-reduce over ZeroMQ; the test talks to it by IPC. */
import { messageOf } from '@microtune/shared';
import { createZeromqTransport } from '../zeromq-transport.js';
import { createRank, hashOf, type Rank, type RankOptions } from './rank.js';

export type ToRank =
  | { type: 'open'; rank: number; readMemory: boolean }
  | { type: 'connect'; peers: { rank: number; bulkEndpoint: string }[]; options: RankOptions }
  /** Replies with the hash; then overwrites every buffer at once. */
  | { type: 'step'; step: number; shards: number }
  /** Closes and exits at once, as a worker does at the end. */
  | { type: 'close' };

export type FromRank =
  | { type: 'opened'; endpoint: string }
  | { type: 'connected' }
  | { type: 'stepped'; hash: string; readsMemoryOf: readonly number[] }
  | { type: 'failed'; message: string };

let transport: Awaited<ReturnType<typeof createZeromqTransport>> | undefined;
let rank: Rank | undefined;

async function answer(message: ToRank): Promise<FromRank | undefined> {
  switch (message.type) {
    case 'open':
      transport = await createZeromqTransport(message);
      return { type: 'opened', endpoint: transport.endpoint };
    case 'connect':
      if (!transport) return undefined;
      await transport.connect(message.peers, 5000);
      rank = await createRank(transport, message.options);
      return { type: 'connected' };
    case 'step': {
      if (!rank || !transport) return undefined;
      const reduced = await rank.step(message.step, message.shards);
      const hash = hashOf(reduced);
      overwrite(rank, reduced.dense.view);
      return { type: 'stepped', hash, readsMemoryOf: transport.readsMemoryOf };
    }
    case 'close':
      await rank?.reduce.close();
      process.exit(0);
  }
}

/** A peer that still read from here would now see other bits. */
function overwrite({ sums }: Rank, result: Float32Array): void {
  result.fill(NaN);
  for (const { dense, rows } of sums.sums()) {
    dense.view.fill(NaN);
    for (const { values } of rows) values.fill(NaN);
  }
}

process.on('message', (message: ToRank) => {
  answer(message)
    .catch((error: unknown): FromRank => ({ type: 'failed', message: messageOf(error) }))
    .then((reply) => reply && process.send?.(reply))
    .catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
