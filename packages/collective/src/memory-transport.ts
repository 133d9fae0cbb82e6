/** Transports of one process: frames pass by reference, as a zero-copy network would. For tests and simulations. */
import { MicrotuneError, assert } from '@microtune/shared';
import { Inbox } from './inbox.js';
import { payloadOf } from './payload.js';
import type { Frame, FrameHeader, Transport } from './transport.js';

/** Transports of ranks 0 to worldSize - 1, connected. Closing one fails the others' `receive`, naming its rank. */
export function createMemoryTransports(worldSize: number): Transport[] {
  const transports: MemoryTransport[] = [];
  for (let rank = 0; rank < worldSize; rank++)
    transports.push(new MemoryTransport(rank, transports));
  return transports;
}

class MemoryTransport implements Transport {
  readonly rank: number;
  readonly #all: readonly MemoryTransport[];
  readonly #inbox = new Inbox<Frame>();

  constructor(rank: number, all: readonly MemoryTransport[]) {
    this.rank = rank;
    this.#all = all;
  }

  get worldSize(): number {
    return this.#all.length;
  }

  get endpoint(): string {
    return `memory://${this.rank}`;
  }

  get readsMemoryOf(): readonly number[] {
    return this.#all.map(({ rank }) => rank).filter((rank) => rank !== this.rank);
  }

  connect(): Promise<void> {
    return Promise.resolve();
  }

  send(to: number, header: FrameHeader, payload: Uint8Array = new Uint8Array()): void {
    const peer = this.#all[to];
    assert(peer && peer !== this, `frame from rank ${this.rank} to rank ${to}`);
    peer.#inbox.push({ from: this.rank, header, payload: payloadOf(payload) });
  }

  async receive(): Promise<Frame> {
    const frame = await this.#inbox.next();
    if (frame) return frame;
    throw new MicrotuneError('transient', `the bulk transport of rank ${this.rank} is closed`);
  }

  interrupt(error: MicrotuneError): void {
    this.#inbox.finish(error);
  }

  close(): Promise<void> {
    this.#inbox.finish();
    for (const peer of this.#all) {
      peer.#inbox.finish(
        new MicrotuneError('transient', `rank ${this.rank} closed its bulk connection`),
      );
    }
    return Promise.resolve();
  }
}
