/**
 * Bulk frames between workers, one ordered stream per ordered pair of ranks. Implementations: zeromq (PUSH and PULL
 * over TCP, one connection per ordered pair, with their own I/O threads) and memory (one process, tests).
 * The all-reduce is the only caller.
 */
import type { MicrotuneError } from '@microtune/shared';
import type { Payload } from './payload.js';

/** A frame: a small header (msgpack under a schema) and optionally a tensor payload of 1-4 MiB at most. */
export interface Frame {
  readonly from: number;
  readonly header: FrameHeader;
  /** Can be copied until the sender learns that it was; empty when the frame has no tensor. */
  readonly payload: Payload;
}

export interface FrameHeader {
  readonly runId: string;
  readonly epoch: number;
  readonly step: number;
  /** What the frame is for; the all-reduce knows its phases. */
  readonly phase: string;
  /** Position within the phase: chunk number and tree node, as the phase defines them. */
  readonly part: readonly number[];
}

export interface Transport {
  readonly rank: number;
  /** Ranks 0 to worldSize - 1 take part; 1 before `connect`. */
  readonly worldSize: number;
  /** Where peers connect to reach this rank. */
  readonly endpoint: string;
  /** Ranks whose payloads are read from their memory, as far as is known: they come over no connection. */
  readonly readsMemoryOf: readonly number[];
  /** Connects to all peers (an entry of this rank is passed over); resolves when every connection stands. @throws MicrotuneError `transient` naming the rank not reached in `timeoutMs` */
  connect(
    peers: readonly { rank: number; bulkEndpoint: string }[],
    timeoutMs: number,
  ): Promise<void>;
  /**
   * Queues a frame without copying `payload`: the caller keeps its bytes, unchanged, until the peer acknowledged them
   * in a later frame. A peer that is gone shows in `receive`.
   */
  send(to: number, header: FrameHeader, payload?: Uint8Array): void;
  /** The next frame from any peer. @throws MicrotuneError `transient` naming the rank whose connection closed, or when the transport is closed */
  receive(): Promise<Frame>;
  /** Lets `receive` fail with `error` once what has come is taken; connections stay, so peers see nothing. */
  interrupt(error: MicrotuneError): void;
  close(): Promise<void>;
}
