/**
 * Bulk frames between workers, one ordered stream per ordered pair of ranks. Implementations: zeromq (PUSH and PULL
 * over TCP, one socket per peer and direction, with their own I/O threads) and memory (one process, tests).
 * The all-reduce is the only caller.
 */

/** A frame: a small header (msgpack under a schema) and optionally a tensor payload of 1-4 MiB at most. */
export interface Frame {
  readonly from: number;
  readonly header: FrameHeader;
  /** Valid until the next frame is taken; copy what must stay. Empty when the frame has no tensor. */
  readonly payload: Uint8Array;
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
  readonly worldSize: number;
  /** Where peers connect to reach this rank. */
  readonly endpoint: string;
  /** Connects to all peers; resolves when every connection stands. @throws MicrotuneError `transient` naming the rank not reached in `timeoutMs` */
  connect(peers: readonly { rank: number; bulkEndpoint: string }[], timeoutMs: number): Promise<void>;
  /** Queues a frame without copying `payload`: its bytes must not change until the peer acknowledged them in a later frame. */
  send(to: number, header: FrameHeader, payload?: Uint8Array): Promise<void>;
  /** The next frame from any peer. @throws MicrotuneError `transient` naming the rank whose connection closed, or when the transport is closed */
  receive(): Promise<Frame>;
  close(): Promise<void>;
}
