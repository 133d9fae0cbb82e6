/**
 * Bulk frames over ZeroMQ: one bound PULL socket takes frames from all peers, one PUSH socket per peer sends to it, so
 * every ordered pair of ranks has a TCP connection of its own. The sockets live in a context of their own, so that
 * control messages never wait behind tensors.
 *
 * A lost peer shows as the disconnection of the PUSH socket to it, a few milliseconds after its process dies. There are
 * no ZMTP heartbeats here: a worker that computes does not read, its peers' frames fill the pipe, and then heartbeats
 * would go unanswered and cut healthy connections. Frozen hosts are found by the control connection.
 */
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import { Context, Pull, Push } from 'zeromq';
import { bindTcp } from './bind-tcp.js';
import { decodeHeader, encodeHeader } from './frame-codec.js';
import { createFrameMemory } from './frame-memory.js';
import { Inbox } from './inbox.js';
import type { Frame, FrameHeader, Transport } from './transport.js';
import { within } from './within.js';

export interface ZeromqTransportOptions {
  readonly rank: number;
  /** Address to bind. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Threads that move bytes; one carries about 2.5 GB/s. Default 1. */
  readonly ioThreads?: number;
}

/** Frames wait in libzmq's pipe up to this many per peer, and as many again here: 4 MiB each at most. */
const queuedFrames = 16;
const maxMessageBytes = 8 * 2 ** 20;
/** Frames a peer sent before it closed may still be on their way when its disconnection is seen. */
const lossGraceMs = 100;
/** Frames queued at `close` are still delivered within it: the last acknowledgement matters to the peer. */
const lingerMs = 1000;

/** Binds; peers can connect when it resolves. @throws MicrotuneError `usage` when the port is taken or the host is not ours */
export async function createZeromqTransport(options: ZeromqTransportOptions): Promise<Transport> {
  const context = new Context({ ioThreads: options.ioThreads ?? 1 });
  const pull = new Pull({
    context,
    receiveHighWaterMark: queuedFrames,
    maxMessageSize: maxMessageBytes,
    linger: 0,
  });
  await bindTcp(pull, { host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  return new ZeromqTransport(options.rank, context, pull);
}

class ZeromqTransport implements Transport {
  readonly rank: number;
  readonly endpoint: string;
  readonly #context: Context;
  readonly #pull: Pull;
  readonly #peers = new Map<number, Push>();
  readonly #inbox = new Inbox<Frame>(queuedFrames);
  readonly #noteReceived = createFrameMemory();
  #closed = false;

  constructor(rank: number, context: Context, pull: Pull) {
    assert(pull.lastEndpoint, 'the bulk socket is bound');
    this.rank = rank;
    this.endpoint = pull.lastEndpoint;
    this.#context = context;
    this.#pull = pull;
    void this.#pump();
  }

  get worldSize(): number {
    return this.#peers.size + 1;
  }

  async connect(
    peers: readonly { rank: number; bulkEndpoint: string }[],
    timeoutMs: number,
  ): Promise<void> {
    const others = peers.filter(({ rank }) => rank !== this.rank);
    await Promise.all(
      others.map(({ rank, bulkEndpoint }) => this.#connectTo(rank, bulkEndpoint, timeoutMs)),
    );
    for (let rank = 0; rank < this.worldSize; rank++) {
      assert(rank === this.rank || this.#peers.has(rank), `no peer has rank ${rank}`);
    }
  }

  async #connectTo(rank: number, endpoint: string, timeoutMs: number): Promise<void> {
    const push = new Push({
      context: this.#context,
      // Frames point into the arena: queued ones cost no memory.
      sendHighWaterMark: 0,
      sendTimeout: 0,
      linger: lingerMs,
      reconnectInterval: 50,
      tcpKeepalive: 1,
    });
    this.#peers.set(rank, push);
    const connected = new Promise<void>((resolve) => {
      push.events.on('handshake', () => resolve());
    });
    push.events.on('disconnect', () => this.#lose(rank));
    push.connect(endpoint);
    if (await within(connected, timeoutMs)) return;
    throw new MicrotuneError(
      'transient',
      `rank ${this.rank} cannot reach rank ${rank} at ${endpoint} within ${timeoutMs} ms`,
    );
  }

  send(to: number, header: FrameHeader, payload?: Uint8Array): void {
    const push = this.#peers.get(to);
    assert(push, `frame from rank ${this.rank} to rank ${to}, which is not connected`);
    if (push.closed) return;
    const head = encodeHeader(this.rank, header);
    push.send(payload?.length ? [head, payload] : head).catch((error: unknown) => {
      this.#fail(`rank ${this.rank} cannot send to rank ${to}: ${messageOf(error)}`);
    });
  }

  async receive(): Promise<Frame> {
    const frame = await this.#inbox.next();
    if (frame) return frame;
    throw new MicrotuneError('transient', `the bulk transport of rank ${this.rank} is closed`);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.finish();
    // No unbind before: libzmq 4.3.5 aborts the process when a close follows while a connection is ending.
    this.#pull.close();
    for (const push of this.#peers.values()) push.close();
    // Sockets close on the next turns of the loop.
    await new Promise((resolve) => setImmediate(resolve));
  }

  async #pump(): Promise<void> {
    try {
      while (!this.#closed) {
        const [head, payload = new Uint8Array()] = await this.#pull.receive();
        if (!head) continue;
        await this.#noteReceived(payload.length);
        this.#inbox.push({ ...decodeHeader(head), payload });
        await this.#inbox.room();
      }
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  #lose(rank: number): void {
    if (this.#closed) return;
    const push = this.#peers.get(rank);
    if (push && !push.closed) {
      push.linger = 0;
      push.close();
    }
    setTimeout(
      () => this.#fail(`rank ${rank} is lost: its bulk connection to rank ${this.rank} closed`),
      lossGraceMs,
    ).unref();
  }

  #fail(reason: string): void {
    if (!this.#closed) this.#inbox.finish(new MicrotuneError('transient', reason));
  }
}
