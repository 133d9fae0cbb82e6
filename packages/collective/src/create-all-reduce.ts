/** The all-reduce over a transport: one StepExchange per step; alone in the world, nothing but the tree's last sums. */
import type { Arena, Slot } from '@microtune/arena';
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import type { AllReduce, PartialSum, Reduced, ShardLoss } from './all-reduce.js';
import { stagingSlots } from './chunk-adder.js';
import { chunksByOwner } from './chunk-layout.js';
import { addTables } from './partial-sums.js';
import type { SlotPool } from './slot-pool.js';
import { StepExchange, type ExchangeSetting } from './step-exchange.js';
import { TreeFold } from './tree-fold.js';
import type { Frame, Transport } from './transport.js';

export interface AllReduceOptions {
  /** Connected. */
  readonly transport: Transport;
  readonly arena: Arena;
  /** Lends a slot for the result on a rank without shards. */
  readonly pool: SlotPool;
  readonly runId: string;
  readonly epoch: number;
  /** Values of the dense gradient. */
  readonly count: number;
  /** Row widths of the sparse tables. */
  readonly widths: readonly number[];
  /** Largest frame. Default: what was fastest, 1 MiB. */
  readonly chunkBytes?: number;
}

const defaultChunkBytes = 2 ** 20;

/** Values an all-reduce takes of the arena beside the slots of its pool. */
export function allReduceFloats(worldSize: number, chunkBytes = defaultChunkBytes): number {
  return worldSize === 1 ? 0 : stagingSlots * Math.ceil(chunkBytes / 64) * 16;
}

export function createAllReduce(options: AllReduceOptions): AllReduce {
  return new TreeAllReduce(options);
}

class TreeAllReduce implements AllReduce {
  readonly #setting: ExchangeSetting;
  readonly #pool: SlotPool;
  /** The result's slot when this rank had no shards. */
  #lent: Slot | undefined;
  /** Frames of the next step from peers that have committed this one. */
  #early: Frame[] = [];
  #isBusy = false;

  constructor({ pool, chunkBytes = defaultChunkBytes, ...options }: AllReduceOptions) {
    const { worldSize } = options.transport;
    const count = allReduceFloats(worldSize, chunkBytes) / stagingSlots;
    this.#pool = pool;
    this.#setting = {
      ...options,
      chunkBytes,
      chunks: chunksByOwner(options.count, worldSize, chunkBytes),
      staging:
        worldSize === 1
          ? []
          : Array.from({ length: stagingSlots }, () => options.arena.allocate(count)),
    };
  }

  async reduce(
    step: number,
    shardCount: number,
    partials: readonly PartialSum[],
    losses: readonly ShardLoss[],
  ): Promise<Reduced> {
    assert(!this.#isBusy, 'one reduce at a time');
    assert(shardCount > 0, 'a step has shards');
    this.#isBusy = true;
    try {
      const own = this.#addOwn(shardCount, partials);
      if (this.#setting.transport.worldSize === 1) return alone(shardCount, own, losses);
      const result = this.#resultSlot(own);
      const contribution = { step, shardCount, partials: own, losses, result };
      return await this.#exchange(new StepExchange(this.#setting, contribution), step);
    } finally {
      this.#isBusy = false;
    }
  }

  async close(): Promise<void> {
    await this.#setting.transport.close();
  }

  /** Sums that the number of shards allows beyond what the worker could add without knowing it. */
  #addOwn(shardCount: number, partials: readonly PartialSum[]): PartialSum[] {
    const { arena, widths } = this.#setting;
    const fold = new TreeFold<Pick<PartialSum, 'dense' | 'rows'>>(shardCount, (left, right) => {
      arena.add(left.dense, right.dense);
      return { dense: left.dense, rows: addTables(left.rows, right.rows, widths) };
    });
    for (const { node, ...value } of partials) fold.push(node, value);
    return fold.entries.map(({ node, value }) => ({ node, ...value }));
  }

  #resultSlot(own: readonly PartialSum[]): Slot {
    if (this.#lent) this.#pool.giveBack(this.#lent);
    this.#lent = own[0] ? undefined : this.#pool.take();
    const result = own[0]?.dense ?? this.#lent;
    assert(result, 'a slot for the result');
    return result;
  }

  async #exchange(exchange: StepExchange, step: number): Promise<Reduced> {
    exchange.start();
    const early = this.#early;
    this.#early = [];
    for (const frame of early) this.#deliver(frame, exchange, step);
    while (!exchange.isDone) this.#deliver(await this.#receive(step), exchange, step);
    return exchange.result();
  }

  #deliver(frame: Frame, exchange: StepExchange, step: number): void {
    const { runId, epoch } = this.#setting;
    const { header, from } = frame;
    if (header.runId === runId && header.epoch === epoch) {
      if (header.step === step) {
        exchange.take(frame);
        return;
      }
      // A peer that has seen every commit goes on while this rank still waits for the last one.
      if (exchange.hasCommitted(from) && header.step > step) {
        this.#early.push(frame);
        return;
      }
    }
    throw new MicrotuneError(
      'transient',
      `step ${step} of run ${runId}, epoch ${epoch}: rank ${from} sent a frame of ` +
        `step ${header.step} of run ${header.runId}, epoch ${header.epoch}`,
    );
  }

  async #receive(step: number): Promise<Frame> {
    try {
      return await this.#setting.transport.receive();
    } catch (error) {
      throw new MicrotuneError('transient', `step ${step}: ${messageOf(error)}`, { cause: error });
    }
  }
}

function alone(
  shardCount: number,
  own: readonly PartialSum[],
  losses: readonly ShardLoss[],
): Reduced {
  const [root, ...others] = own;
  assert(root && others.length === 0, `one worker holds the sums of all ${shardCount} shards`);
  return { dense: root.dense, rows: root.rows, losses };
}
