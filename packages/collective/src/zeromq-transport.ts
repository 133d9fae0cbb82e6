/**
 * Bulk frames over ZeroMQ: one bound PULL socket takes frames from all peers, one PUSH socket per peer sends to it, so
 * every ordered pair of ranks has a TCP connection of its own. The sockets live in a context of their own, so that
 * control messages never wait behind tensors.
 *
 * A lost peer shows as the disconnection of the PUSH socket to it, a few milliseconds after its process dies. There are
 * no ZMTP heartbeats here (keep-alive.ts); besides, a worker that computes does not read, its peers' frames fill the
 * pipe, and then heartbeats would go unanswered and cut healthy connections.
 *
 * Between processes of one machine that may read each other's memory, a frame only says where its payload is. When a
 * connection stands, each side offers its memory (frame `offer`); who can read it says so (frame `readable`), and from
 * then on gets payloads that way. Until then, and to all others, they travel with the frame.
 */
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import { addressOf } from '@microtune/shared/native';
import { Context, Pull, Push } from 'zeromq';
import { bindTcp } from './bind-tcp.js';
import {
  decodeHeader,
  encodeHeader,
  maxPayloadBytes,
  type FrameHead,
  type MemoryReference,
} from './frame-codec.js';
import { createFrameMemory } from './frame-memory.js';
import { Inbox } from './inbox.js';
import { keepAliveOptions } from './keep-alive.js';
import { payloadOf, type Payload } from './payload.js';
import { openPeerMemory, type MemoryOffer, type PeerMemory } from './peer-memory.js';
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
  /** Whether payloads of peers on this machine are read from their memory where that is possible. Default true. */
  readonly readMemory?: boolean;
}

/** Frames wait in libzmq's pipe up to this many per peer, and as many again here: 4 MiB each at most. */
const queuedFrames = 16;
/** A smaller payload costs less with the frame. */
const smallestReference = 16 * 1024;
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
    maxMessageSize: maxPayloadBytes,
    linger: 0,
  });
  await bindTcp(pull, { host: options.host ?? '127.0.0.1', port: options.port ?? 0 });
  const memory = options.readMemory === false ? undefined : openPeerMemory();
  return new ZeromqTransport({ rank: options.rank, context, pull, memory });
}

interface Parts {
  readonly rank: number;
  readonly context: Context;
  readonly pull: Pull;
  readonly memory: PeerMemory | undefined;
}

class ZeromqTransport implements Transport {
  readonly rank: number;
  readonly endpoint: string;
  readonly #context: Context;
  readonly #pull: Pull;
  readonly #peers = new Map<number, Push>();
  readonly #inbox = new Inbox<Frame>(queuedFrames);
  readonly #noteReceived = createFrameMemory();
  readonly #memory: PeerMemory | undefined;
  /** Offers of the ranks whose memory this one reads. */
  readonly #readable = new Map<number, MemoryOffer>();
  /** Ranks that read the memory of this one. */
  readonly #readers = new Set<number>();
  #closed = false;

  constructor({ rank, context, pull, memory }: Parts) {
    assert(pull.lastEndpoint, 'the bulk socket is bound');
    this.rank = rank;
    this.endpoint = pull.lastEndpoint;
    this.#context = context;
    this.#pull = pull;
    this.#memory = memory;
    void this.#pump();
  }

  get worldSize(): number {
    return this.#peers.size + 1;
  }

  get readsMemoryOf(): readonly number[] {
    return [...this.#readable.keys()].sort((a, b) => a - b);
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
      ...keepAliveOptions,
    });
    this.#peers.set(rank, push);
    const connected = new Promise<void>((resolve) => {
      push.events.on('handshake', () => resolve());
    });
    push.events.on('disconnect', () => this.#lose(rank));
    push.connect(endpoint);
    this.#introduce(rank);
    if (await within(connected, timeoutMs)) return;
    throw new MicrotuneError(
      'transient',
      `rank ${this.rank} cannot reach rank ${rank} at ${endpoint} within ${timeoutMs} ms`,
    );
  }

  /** Frames of the transport itself, first on a new connection. */
  #introduce(rank: number): void {
    if (!this.#memory) return;
    const { pid, address, nonce } = this.#memory.offer;
    this.send(rank, ownHeader('offer', [pid, address]), nonce);
    if (this.#readable.has(rank)) this.send(rank, ownHeader('readable', []));
  }

  send(to: number, header: FrameHeader, payload?: Uint8Array): void {
    const push = this.#peers.get(to);
    assert(push, `frame from rank ${this.rank} to rank ${to}, which is not connected`);
    if (push.closed) return;
    const reference = payload && this.#referenceFor(to, payload);
    const head = encodeHeader(this.rank, header, reference);
    push.send(payload?.length && !reference ? [head, payload] : head).catch((error: unknown) => {
      this.#fail(`rank ${this.rank} cannot send to rank ${to}: ${messageOf(error)}`);
    });
  }

  #referenceFor(to: number, payload: Uint8Array): MemoryReference | undefined {
    if (payload.byteLength < smallestReference || !this.#readers.has(to)) return undefined;
    return { address: Number(addressOf(payload)), byteLength: payload.byteLength };
  }

  async receive(): Promise<Frame> {
    const frame = await this.#inbox.next();
    if (frame) return frame;
    throw new MicrotuneError('transient', `the bulk transport of rank ${this.rank} is closed`);
  }

  interrupt(error: MicrotuneError): void {
    this.#inbox.finish(error);
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
        const [bytes, payload = new Uint8Array()] = await this.#pull.receive();
        if (!bytes) continue;
        await this.#noteReceived(payload.length);
        const head = decodeHeader(bytes);
        if (this.#isOwn(head, payload)) continue;
        const { from, header } = head;
        const sent = this.#inMemoryOfSender(head) ?? payloadOf(payload);
        this.#inbox.push({ from, header, payload: sent });
        await this.#inbox.room();
      }
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  /** Takes the frames of `#introduce`. */
  #isOwn({ from, header: { runId, phase, part } }: FrameHead, nonce: Uint8Array): boolean {
    if (runId !== ownRunId) return false;
    const [pid = 0, address = 0] = part;
    if (phase === 'readable') this.#readers.add(from);
    else if (this.#memory?.canRead({ pid, address, nonce })) {
      // Kept beyond the frame, whose bytes are libzmq's.
      this.#readable.set(from, { pid, address, nonce: new Uint8Array(nonce) });
      if (this.#peers.has(from)) this.send(from, ownHeader('readable', []));
    }
    return true;
  }

  #inMemoryOfSender({ from, header, reference }: FrameHead): Payload | undefined {
    if (!reference) return undefined;
    const memory = this.#memory;
    const offer = this.#readable.get(from);
    if (!memory || offer === undefined)
      throw new MicrotuneError('transient', `rank ${from} sent an address it was not asked for`);
    const { address, byteLength } = reference;
    const copyTo = (target: Uint8Array): void => {
      try {
        memory.read(offer, address, target);
      } catch (error) {
        const reason = `step ${header.step}: rank ${from} is lost: ${messageOf(error)}`;
        throw new MicrotuneError('transient', reason, { cause: error });
      }
    };
    return { byteLength, copyTo };
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

/** No run is called that. */
const ownRunId = '';

function ownHeader(phase: 'offer' | 'readable', part: readonly number[]): FrameHeader {
  return { runId: ownRunId, epoch: 0, step: 0, phase, part };
}
