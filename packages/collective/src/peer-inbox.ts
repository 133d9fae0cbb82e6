/**
 * What one peer has sent in one step so far, checked frame by frame against the fixed order of exchange-frames.ts.
 * Payloads of sparse rows are copied together here; those of chunks are kept until all peers' are there.
 */
import type { ShardLoss } from './all-reduce.js';
import { readAnnouncement, readLosses, type Announcement } from './exchange-frames.js';
import { copyOf, type Payload } from './payload.js';
import type { SparseRows } from './sparse-rows.js';

/** A reason why a frame does not belong here, or undefined. */
export type Objection = string | undefined;

interface RowBytes {
  readonly rows: SparseRows;
  readonly ids: Uint8Array;
  readonly values: Uint8Array;
  received: number;
}

const maxTableBytes = 2 ** 32;

export class PeerInbox {
  readonly #widths: readonly number[];
  #announcement: Announcement | undefined;
  #losses: readonly ShardLoss[] = [];
  /** `[partial][table]` */
  #tables: RowBytes[][] = [];
  /** Chunk payloads not added yet, in order. */
  readonly #chunks: Payload[] = [];
  #scattered = 0;
  #gathered = 0;
  committed = false;

  constructor(widths: readonly number[]) {
    this.#widths = widths;
  }

  get announcement(): Announcement | undefined {
    return this.#announcement;
  }

  get losses(): readonly ShardLoss[] {
    return this.#losses;
  }

  get gathered(): number {
    return this.#gathered;
  }

  get rowsComplete(): boolean {
    return (
      this.#announcement !== undefined &&
      this.#tables.flat().every((t) => t.received === t.ids.length + t.values.length)
    );
  }

  begin(part: readonly number[], payload: Payload): Objection {
    const announcement = readAnnouncement(part);
    const losses = readLosses(copyOf(payload));
    if (this.#announcement || !announcement || !losses)
      return 'an announcement that makes no sense';
    if (announcement.tables !== this.#widths.length) return 'another number of sparse tables';
    const bytes = announcement.partials.flatMap(({ rows }) =>
      rows.map((count, table) => count * (this.#widths[table] ?? 0) * 4),
    );
    if (bytes.some((size) => size >= maxTableBytes))
      return 'more sparse rows than a table can have';
    this.#announcement = announcement;
    this.#losses = losses;
    try {
      this.#tables = announcement.partials.map(({ rows }) => rows.map((n, t) => this.#room(n, t)));
    } catch (error) {
      // V8 says so of sizes beyond what it, or this machine, can hold.
      if (error instanceof RangeError) return 'more sparse rows than memory can hold';
      throw error;
    }
    return undefined;
  }

  #room(count: number, table: number): RowBytes {
    const ids = new Int32Array(count);
    const values = new Float32Array(count * (this.#widths[table] ?? 0));
    return {
      rows: { ids, values },
      ids: new Uint8Array(ids.buffer),
      values: new Uint8Array(values.buffer),
      received: 0,
    };
  }

  sparse(kind: 'ids' | 'rows', part: readonly number[], payload: Payload): Objection {
    const [partial = -1, table = -1, byte = -1] = part;
    const room = this.#tables[partial]?.[table];
    if (!room) return 'rows of a table that was not announced';
    const start = kind === 'ids' ? 0 : room.ids.length;
    const target = kind === 'ids' ? room.ids : room.values;
    if (room.received !== start + byte || byte + payload.byteLength > target.length) {
      return `${kind} out of order`;
    }
    payload.copyTo(target.subarray(byte, byte + payload.byteLength));
    room.received += payload.byteLength;
    return undefined;
  }

  /** Sparse rows of one partial sum, by table. */
  rows(partial: number): readonly SparseRows[] {
    return (this.#tables[partial] ?? []).map(({ rows }) => rows);
  }

  scatter(part: readonly number[], payload: Payload, bytesOfChunk: number | undefined): Objection {
    const partials = this.#announcement?.partials.length ?? 0;
    const [chunk, partial] = part;
    const isNext = partials > 0 && chunk === Math.floor(this.#scattered / partials);
    if (!isNext || partial !== this.#scattered % partials) return 'a chunk out of order';
    if (payload.byteLength !== bytesOfChunk) return `a chunk of ${payload.byteLength} bytes`;
    this.#scattered++;
    this.#chunks.push(payload);
    return undefined;
  }

  /** All partial sums of this peer over its next chunk are here. */
  get hasChunk(): boolean {
    return (
      this.#announcement !== undefined && this.#chunks.length >= this.#announcement.partials.length
    );
  }

  /** The payloads of the next chunk, one per partial sum. */
  takeChunk(): Payload[] {
    return this.#chunks.splice(0, this.#announcement?.partials.length ?? 0);
  }

  gather(part: readonly number[], payload: Payload, bytesOfChunk: number | undefined): Objection {
    if (part[0] !== this.#gathered) return 'a sum out of order';
    if (payload.byteLength !== bytesOfChunk) return `a sum of ${payload.byteLength} bytes`;
    this.#gathered++;
    return undefined;
  }
}
