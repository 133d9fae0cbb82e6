/**
 * One training step of one worker, in the order in which things happen. What is clever lies behind plain names: where
 * state and gradients live in the replica, the tree of sums and the exchange in collective, the update in models.
 *
 * All sums that decide bits are taken in shard order: the losses in float64, the gradients in the binary tree.
 */
import type { ShardLoss } from '@microtune/collective';
import {
  MicrotuneError,
  samplesIn,
  type Clock,
  type CoordinatorMessage,
  type Shard,
  type StepTimings,
} from '@microtune/shared';
import type { Collate } from '@microtune/tasks';
import type { Progress } from './progress.js';
import type { Replica } from './replica.js';

export type Plan = Extract<CoordinatorMessage, { type: 'plan' }>;

/** What a step works with, fixed for the run. */
export interface Trainer {
  readonly rank: number;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly batch: Collate;
  readonly replica: Replica;
  /** The step whose update the replica holds whole; undefined while one is applied, and after one that failed. */
  readonly held: { step: number | undefined };
  /** Aborted when the run ends early; looked at between shards. */
  readonly giveUp: AbortSignal;
}

export interface StepReport {
  readonly lossSum: number;
  readonly weight: number;
  /** Norm of the mean gradient before clipping. */
  readonly gradientNorm: number;
  readonly timings: StepTimings;
}

/**
 * Trains one step. When it returns, the update is applied, on this worker and (same bits) on every other.
 * @throws the reason of `giveUp`; MicrotuneError `usage` when loss or gradient is not finite, naming shard and samples; `transient` for a lost peer
 */
export async function trainStep(trainer: Trainer, plan: Plan): Promise<StepReport> {
  const { clock, progress, replica } = trainer;
  const { step, shards, learningRate } = plan;
  const startedAt = clock.now();
  let engineMs = 0;
  let reduceMs = 0;

  // Forward and backward of this worker's shards; gradients are added up in the tree as they come.
  const own: ShardLoss[] = [];
  const range = plan.ranges[trainer.rank] ?? { from: 0, to: 0 };
  for (const [index, shard] of shards.slice(range.from, range.to).entries()) {
    const number = range.from + index;
    trainer.giveUp.throwIfAborted();
    progress.enter(`shard ${number + 1} of ${shards.length}`, step);
    const graph = await replica.graphs.get('training', shard.shape);
    const batch = trainer.batch(shard);
    const runAt = clock.now();
    const lossSum = await naming(`step ${step}, shard ${number}`, graph.train(batch, step));
    const ranAt = clock.now();
    replica.accumulate(number);
    own.push({ shard: number, lossSum, weight: batch.weight });
    engineMs += ranAt - runAt;
    reduceMs += clock.now() - ranAt;
  }

  // The sum over all shards of all workers. From here on every worker does the same with the same bits.
  progress.enter('all-reduce', step);
  const reduceAt = clock.now();
  const losses = await replica.reduce(step, shards.length, own);
  const reducedAt = clock.now();
  reduceMs += reducedAt - reduceAt;

  // Mean over the global batch, clipping, update.
  const { lossSum, weight } = totalLoss(losses);
  checkLosses(step, shards, losses);
  trainer.held.step = undefined;
  const gradientNorm = await naming(
    `step ${step}, update`,
    replica.apply({ weight, learningRate }),
  );
  checkGradient(step, gradientNorm);
  trainer.held.step = step;

  const endedAt = clock.now();
  const timings = {
    engineMs,
    reduceMs,
    optimizerMs: endedAt - reducedAt,
    totalMs: endedAt - startedAt,
  };
  return { lossSum, weight, gradientNorm, timings };
}

/** An engine knows what failed, but not when. */
async function naming<Result>(where: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof MicrotuneError)) throw error;
    throw new MicrotuneError(error.code, `${where}: ${error.message}`, { cause: error });
  }
}

function totalLoss(losses: readonly ShardLoss[]): { lossSum: number; weight: number } {
  const sum = (part: (loss: ShardLoss) => number): number =>
    losses.reduce((total, loss) => total + part(loss), 0);
  return { lossSum: sum((loss) => loss.lossSum), weight: sum((loss) => loss.weight) };
}

/** A learning rate cannot be at fault yet. */
const beforeAnyUpdate =
  'nothing has been learnt yet, so the weights of the model are too large for its arithmetic, or these rows are at fault';

function checkLosses(step: number, shards: readonly Shard[], losses: readonly ShardLoss[]): void {
  const bad = losses.find(({ lossSum }) => !Number.isFinite(lossSum));
  if (bad === undefined) return;
  const shard = shards[bad.shard];
  const samples = shard === undefined ? '' : samplesIn(shard).join(', ');
  throw new MicrotuneError(
    'usage',
    `the loss of step ${step} is ${bad.lossSum} in shard ${bad.shard} (samples ${samples}, counted from 0): ` +
      (step === 1
        ? beforeAnyUpdate
        : 'lower the learning rate, add warm-up, or look at these rows'),
  );
}

function checkGradient(step: number, norm: number): void {
  if (Number.isFinite(norm)) return;
  throw new MicrotuneError(
    'usage',
    `the gradient norm of step ${step} is ${norm} though every loss is finite: ` +
      (step === 1 ? beforeAnyUpdate : 'lower the learning rate or add warm-up'),
  );
}
