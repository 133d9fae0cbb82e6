/**
 * One training step of one worker, in the order in which things happen. What is clever lies behind plain names: the
 * compiled graphs in shard-graph.ts, the tree of sums and the exchange in collective, the update in models.
 *
 * All sums that decide bits are taken in shard order: the losses in float64, the gradients in the binary tree.
 */
import type { AllReduce, PartialSums, Reduced, ShardLoss } from '@microtune/collective';
import type { Batcher } from '@microtune/data';
import { clipCoefficient, type AdamW } from '@microtune/models';
import {
  MicrotuneError,
  type Clock,
  type CoordinatorMessage,
  type ResolvedConfig,
  type Shard,
  type StepTimings,
} from '@microtune/shared';
import type { Progress } from './progress.js';
import type { ShardGraphs } from './shard-graphs.js';

export type Plan = Extract<CoordinatorMessage, { type: 'plan' }>;

/** What a step works with, fixed for the run. */
export interface Trainer {
  readonly rank: number;
  readonly config: ResolvedConfig;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly batch: Batcher;
  readonly graphs: ShardGraphs;
  readonly partialSums: PartialSums;
  readonly allReduce: AllReduce;
  readonly optimizer: AdamW;
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
 * @throws MicrotuneError `usage` when loss or gradient is not finite, naming shard and samples; `transient` for a lost peer
 */
export async function trainStep(trainer: Trainer, plan: Plan): Promise<StepReport> {
  const { clock, progress, config, partialSums, optimizer } = trainer;
  const { step, shards, learningRate } = plan;
  const startedAt = clock.now();
  let engineMs = 0;
  let reduceMs = 0;

  // Forward and backward of this worker's shards; gradients are added up in the tree as they come.
  const losses: ShardLoss[] = [];
  const range = plan.ranges[trainer.rank] ?? { from: 0, to: 0 };
  for (const [index, shard] of shards.slice(range.from, range.to).entries()) {
    const number = range.from + index;
    progress.enter(`shard ${number + 1} of ${shards.length}`, step);
    const graph = await trainer.graphs.get('training', shard.shape);
    const batch = trainer.batch(shard);
    const gradient = partialSums.slot();
    const runAt = clock.now();
    const { lossSum, rows } = await graph.train(batch, step, gradient);
    const ranAt = clock.now();
    partialSums.push(number, rows);
    losses.push({ shard: number, lossSum, weight: batch.weight });
    engineMs += ranAt - runAt;
    reduceMs += clock.now() - ranAt;
  }

  // The sum over all shards of all workers. From here on every worker does the same with the same bits.
  progress.enter('all-reduce', step);
  const reduceAt = clock.now();
  const reduced = await trainer.allReduce.reduce(step, shards.length, partialSums.sums(), losses);
  const reducedAt = clock.now();
  reduceMs += reducedAt - reduceAt;

  // Mean over the global batch, clipping, update.
  const { lossSum, weight } = totalLoss(reduced);
  checkLosses(step, shards, reduced);
  const gradient = { dense: reduced.dense, rows: reduced.rows };
  const gradientNorm = optimizer.gradientNorm(gradient) / weight;
  checkGradient(step, gradientNorm);
  const gradientScale = clipCoefficient(gradientNorm, config.maxGradNorm) / weight;
  optimizer.update({ gradient, learningRate, gradientScale });
  partialSums.clear();

  const endedAt = clock.now();
  const timings = {
    engineMs,
    reduceMs,
    optimizerMs: endedAt - reducedAt,
    totalMs: endedAt - startedAt,
  };
  return { lossSum, weight, gradientNorm, timings };
}

function totalLoss({ losses }: Reduced): { lossSum: number; weight: number } {
  const sum = (part: (loss: ShardLoss) => number): number =>
    losses.reduce((total, loss) => total + part(loss), 0);
  return { lossSum: sum((loss) => loss.lossSum), weight: sum((loss) => loss.weight) };
}

function checkLosses(step: number, shards: readonly Shard[], { losses }: Reduced): void {
  const bad = losses.find(({ lossSum }) => !Number.isFinite(lossSum));
  if (bad === undefined) return;
  const samples = shards[bad.shard]?.samples.join(', ') ?? '';
  throw new MicrotuneError(
    'usage',
    `the loss of step ${step} is ${bad.lossSum} in shard ${bad.shard} (samples ${samples}, counted from 0): ` +
      'lower the learning rate, add warm-up, or look at these rows',
  );
}

function checkGradient(step: number, norm: number): void {
  if (Number.isFinite(norm)) return;
  throw new MicrotuneError(
    'usage',
    `the gradient norm of step ${step} is ${norm} though every loss is finite: lower the learning rate or add warm-up`,
  );
}
