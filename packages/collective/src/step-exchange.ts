/**
 * One all-reduce on one rank, between its first frame and the commit. Sending never waits; everything else happens as
 * frames arrive: a chunk is added as soon as all ranks' parts of it are there and its sum sent off at once, so adding,
 * sending and receiving overlap.
 *
 * The result is written over this rank's first partial sum. That is safe because a rank's own bytes of a chunk are
 * overwritten only by the sum of that chunk, and its owner can have sent that only after reading them.
 */
import type { Arena, Slot } from '@microtune/arena';
import { MicrotuneError, assert } from '@microtune/shared';
import type { PartialSum, Reduced, ShardLoss } from './all-reduce.js';
import { ChunkAdder } from './chunk-adder.js';
import type { ValueRange } from './chunk-layout.js';
import { announce, isPhase, lossBytes, type Phase } from './exchange-frames.js';
import { addTables } from './partial-sums.js';
import type { Payload } from './payload.js';
import { PeerInbox, type Objection } from './peer-inbox.js';
import type { SparseRows } from './sparse-rows.js';
import { TreeFold } from './tree-fold.js';
import { canonical, endShard, firstShard, sameNode, type TreeNode } from './tree.js';
import type { Frame, Transport } from './transport.js';

/** What stays the same from step to step. */
export interface ExchangeSetting {
  readonly transport: Transport;
  readonly arena: Arena;
  readonly runId: string;
  readonly epoch: number;
  readonly count: number;
  readonly widths: readonly number[];
  readonly chunkBytes: number;
  readonly chunks: readonly (readonly ValueRange[])[];
  readonly staging: readonly Slot[];
}

/** This rank's contribution to one step. */
export interface Contribution {
  readonly step: number;
  readonly shardCount: number;
  readonly partials: readonly PartialSum[];
  readonly losses: readonly ShardLoss[];
  /** Where the result goes: the first partial sum's slot, or a spare one. */
  readonly result: Slot;
}

/** A partial sum of any rank. */
interface Leaf {
  readonly rank: number;
  readonly partial: number;
  readonly node: TreeNode;
}

export class StepExchange {
  readonly #setting: ExchangeSetting;
  readonly #own: Contribution;
  readonly #peers: ReadonlyMap<number, PeerInbox>;
  readonly #resultBytes: Uint8Array;
  /** Kept here until the peers have read them. */
  readonly #lossBytes: Uint8Array;
  /** Known once every peer has announced its partial sums; in shard order. */
  #leaves: readonly Leaf[] | undefined;
  #rows: readonly SparseRows[] | undefined;
  #chunksAdded = 0;
  #committed = false;

  constructor(setting: ExchangeSetting, own: Contribution) {
    this.#setting = setting;
    this.#own = own;
    const { rank, worldSize } = setting.transport;
    const ranks = Array.from({ length: worldSize }, (_, peer) => peer).filter((p) => p !== rank);
    this.#peers = new Map(ranks.map((peer) => [peer, new PeerInbox(setting.widths)]));
    this.#resultBytes = bytesOf(own.result.view);
    this.#lossBytes = lossBytes(own.losses);
  }

  /** Queues everything the peers need from this rank. */
  start(): void {
    const { count, widths } = this.#setting;
    const { shardCount, partials } = this.#own;
    const announcement = announce(shardCount, count, widths.length, partials);
    this.#sendToAll('begin', announcement, this.#lossBytes);
    partials.forEach(({ rows }, partial) => {
      rows.forEach(({ ids, values }, table) => {
        this.#sendInPieces('ids', [partial, table], bytesOf(ids));
        this.#sendInPieces('rows', [partial, table], bytesOf(values));
      });
    });
    this.#scatter();
  }

  #scatter(): void {
    const { chunks } = this.#setting;
    const rounds = Math.max(...chunks.map((list) => list.length));
    for (let chunk = 0; chunk < rounds; chunk++) {
      for (const peer of this.#peers.keys()) {
        const range = chunks[peer]?.[chunk];
        if (!range) continue;
        this.#own.partials.forEach(({ dense }, partial) => {
          this.#send(peer, 'scatter', [chunk, partial], bytesOf(part(dense.view, range)));
        });
      }
    }
  }

  /** The commit point: this rank has the whole result and knows that every other has. */
  get isDone(): boolean {
    return this.#committed && [...this.#peers.values()].every(({ committed }) => committed);
  }

  hasCommitted(peer: number): boolean {
    return this.#peers.get(peer)?.committed ?? false;
  }

  result(): Reduced {
    assert(this.isDone && this.#rows, 'the result before the commit');
    return { dense: this.#own.result, rows: this.#rows, losses: this.#allLosses() };
  }

  /** @throws MicrotuneError `transient` naming the sender and the step when the frame is not one of this exchange */
  take({ from, header, payload }: Frame): void {
    const { phase, part: position } = header;
    const peer = this.#peers.get(from);
    if (!peer) throw this.#objection(from, 'a frame from a rank outside the world');
    if (!isPhase(phase)) throw this.#objection(from, `a frame of the unknown phase '${phase}'`);
    const objection = this.#store(phase, { from, peer, position, payload });
    if (objection) throw this.#objection(from, objection);
    this.#advance(from);
  }

  #store(
    phase: Phase,
    frame: { from: number; peer: PeerInbox; position: readonly number[]; payload: Payload },
  ): Objection {
    const { from, peer, position, payload } = frame;
    if (peer.committed) return `a '${phase}' frame after its commit`;
    switch (phase) {
      case 'begin':
        return peer.begin(position, payload);
      case 'ids':
      case 'rows':
        return peer.sparse(phase, position, payload);
      case 'scatter':
        return peer.scatter(
          position,
          payload,
          this.#chunkBytes(this.#setting.transport.rank, position[0]),
        );
      case 'gather':
        return this.#gather(peer, from, { position, payload });
      case 'commit':
        peer.committed = true;
        // It cannot have the whole result while this rank has not sent its part of it.
        return this.#addedAll ? undefined : 'a commit before its time';
    }
  }

  #gather(
    peer: PeerInbox,
    from: number,
    { position, payload }: { position: readonly number[]; payload: Payload },
  ): Objection {
    const objection = peer.gather(position, payload, this.#chunkBytes(from, position[0]));
    const range = this.#setting.chunks[from]?.[position[0] ?? -1];
    if (!objection && range) payload.copyTo(this.#resultPart(range));
    return objection;
  }

  #resultPart({ start, count }: ValueRange): Uint8Array {
    return this.#resultBytes.subarray(start * 4, (start + count) * 4);
  }

  /** Does whatever the last frame made possible. */
  #advance(from: number): void {
    this.#leaves ??= this.#findLeaves(from);
    if (!this.#leaves) return;
    this.#addChunks(this.#leaves);
    this.#addRows(this.#leaves);
    if (!this.#committed && this.#isComplete()) {
      this.#committed = true;
      this.#sendToAll('commit', []);
    }
  }

  #findLeaves(from: number): readonly Leaf[] | undefined {
    const { transport, count } = this.#setting;
    const { shardCount, partials } = this.#own;
    const leaves: Leaf[] = partials.map(({ node }, partial) => ({
      rank: transport.rank,
      partial,
      node,
    }));
    for (const [rank, { announcement }] of this.#peers) {
      if (!announcement) return undefined;
      if (announcement.shardCount !== shardCount || announcement.count !== count) {
        const theirs = `${announcement.shardCount} shards of ${announcement.count} values`;
        throw this.#objection(rank, `${theirs} where this rank has ${shardCount} of ${count}`);
      }
      announcement.partials.forEach(({ node }, partial) => leaves.push({ rank, partial, node }));
    }
    leaves.sort((a, b) => firstShard(a.node) - firstShard(b.node));
    this.#checkTiling(leaves, from);
    return leaves;
  }

  /** Every shard comes from exactly one rank, in the sums and in the losses. */
  #checkTiling(leaves: readonly Leaf[], from: number): void {
    const { shardCount } = this.#own;
    let next = 0;
    for (const { rank, node } of leaves) {
      const isMaximal = sameNode(canonical(node, shardCount), node);
      if (firstShard(node) !== next || !isMaximal) {
        throw this.#objection(
          rank,
          `sums of shard ${firstShard(node)} where shard ${next} is missing`,
        );
      }
      next = endShard(node, shardCount);
    }
    if (next !== shardCount)
      throw this.#objection(from, `no sums of shard ${next} of ${shardCount}`);
    this.#allLosses().forEach(({ shard }, position) => {
      if (shard !== position) throw this.#objection(from, `no loss of shard ${position}`);
    });
  }

  #addChunks(leaves: readonly Leaf[]): void {
    const { transport, chunks } = this.#setting;
    const own = chunks[transport.rank] ?? [];
    for (; this.#chunksAdded < own.length && this.#allHaveChunk(); this.#chunksAdded++) {
      const range = own[this.#chunksAdded];
      assert(range, 'a chunk of the layout');
      this.#addChunk(leaves, range);
      this.#sendToAll('gather', [this.#chunksAdded], this.#resultPart(range));
    }
  }

  #allHaveChunk(): boolean {
    for (const peer of this.#peers.values()) if (!peer.hasChunk) return false;
    return true;
  }

  #addChunk(leaves: readonly Leaf[], range: ValueRange): void {
    const { arena, staging, transport } = this.#setting;
    const payloads = new Map([...this.#peers].map(([rank, peer]) => [rank, peer.takeChunk()]));
    const adder = new ChunkAdder(arena, staging, {
      shardCount: this.#own.shardCount,
      result: arena.part(this.#own.result, range.start, range.count),
    });
    for (const { rank, partial, node } of leaves) {
      const own = rank === transport.rank ? this.#own.partials[partial] : undefined;
      const theirs = payloads.get(rank)?.[partial];
      if (own) adder.pushOwn(node, arena.part(own.dense, range.start, range.count));
      else if (theirs) adder.pushReceived(node, theirs);
    }
    adder.finish();
  }

  #addRows(leaves: readonly Leaf[]): void {
    if (this.#rows || ![...this.#peers.values()].every(({ rowsComplete }) => rowsComplete)) return;
    const { transport, widths } = this.#setting;
    const fold = new TreeFold<readonly SparseRows[]>(this.#own.shardCount, (left, right) =>
      addTables(left, right, widths),
    );
    for (const { rank, partial, node } of leaves) {
      const own = rank === transport.rank ? this.#own.partials[partial]?.rows : undefined;
      fold.push(node, own ?? this.#peers.get(rank)?.rows(partial) ?? []);
    }
    this.#rows = fold.entries[0]?.value;
  }

  get #addedAll(): boolean {
    const { transport, chunks } = this.#setting;
    return this.#chunksAdded === (chunks[transport.rank]?.length ?? 0);
  }

  #isComplete(): boolean {
    if (!this.#rows || !this.#addedAll) return false;
    for (const [rank, { gathered }] of this.#peers) {
      if (gathered < (this.#setting.chunks[rank]?.length ?? 0)) return false;
    }
    return true;
  }

  #allLosses(): ShardLoss[] {
    const losses = [...this.#peers.values()].flatMap((peer) => peer.losses);
    return [...this.#own.losses, ...losses].sort((a, b) => a.shard - b.shard);
  }

  #chunkBytes(owner: number, chunk: number | undefined): number | undefined {
    const range = this.#setting.chunks[owner]?.[chunk ?? -1];
    return range && range.count * 4;
  }

  #sendInPieces(phase: Phase, position: readonly number[], bytes: Uint8Array): void {
    const { chunkBytes } = this.#setting;
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      this.#sendToAll(phase, [...position, at], bytes.subarray(at, at + chunkBytes));
    }
  }

  #sendToAll(phase: Phase, position: readonly number[], payload?: Uint8Array): void {
    for (const peer of this.#peers.keys()) this.#send(peer, phase, position, payload);
  }

  #send(peer: number, phase: Phase, position: readonly number[], payload?: Uint8Array): void {
    const { transport, runId, epoch } = this.#setting;
    transport.send(peer, { runId, epoch, step: this.#own.step, phase, part: position }, payload);
  }

  #objection(rank: number, reason: string): MicrotuneError {
    return new MicrotuneError('transient', `step ${this.#own.step}: rank ${rank} sent ${reason}`);
  }
}

function bytesOf(view: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function part(view: Float32Array, { start, count }: ValueRange): Float32Array {
  return view.subarray(start, start + count);
}
