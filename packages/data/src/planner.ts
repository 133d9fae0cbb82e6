/**
 * The batch plan of a run: which samples a step trains on, and how they are cut into shards. Pure functions of lengths and
 * configuration; the number of workers is not among them, which is why it cannot change a bit of the result.
 */
import { assert } from '@microtune/shared';
import { chooseEvaluationShapes, chooseShapes, type ShardForms } from './choose-shapes.js';
import { boundTargets } from './bound-targets.js';
import { cutShards } from './cut-shards.js';
import { keptForms } from './kept-forms.js';
import { packEpoch } from './epoch-rows.js';
import { createRandom, permutation, purposes } from './random.js';
import type { PackedRow } from './pack-rows.js';
import type { SampleSizes } from './sample-sizes.js';
import type { ResolvedConfig, Shard, ShardShape } from '@microtune/shared';

/** The order in which one epoch (from 0) visits the samples: a uniform permutation drawn from (seed, epoch). */
export function epochOrder(size: number, seed: number, epoch: number): Int32Array {
  return permutation(size, createRandom([purposes.epochOrder, seed, epoch]));
}

export interface StepPlanRequest {
  /** Samples in the training split. */
  readonly size: number;
  /** Rows per optimizer step. */
  readonly trainBatchSize: number;
  /** Epochs, fractions allowed. */
  readonly numTrainEpochs: number;
  /** Above 0 it wins over `numTrainEpochs`, and loops the data if need be. */
  readonly maxSteps: number;
  readonly seed: number;
}

export interface StepPlan {
  readonly totalSteps: number;
  /** The last step of an epoch may be short. */
  readonly stepsPerEpoch: number;
  /** Samples of a step, 1-based as on the wire, in the order of the epoch. */
  samplesOf(step: number): Int32Array;
  /** Epochs done after a step, as HuggingFace logs them: a fraction. */
  epochAfter(step: number): number;
}

/** Steps as HuggingFace counts them: ceil(epochs * steps per epoch), unless `maxSteps` says how many. */
export function planSteps({
  size,
  trainBatchSize,
  numTrainEpochs,
  maxSteps,
  seed,
}: StepPlanRequest): StepPlan {
  assert(size > 0, 'a training split without samples');
  const stepsPerEpoch = Math.ceil(size / trainBatchSize);
  const totalSteps = maxSteps > 0 ? maxSteps : Math.ceil(numTrainEpochs * stepsPerEpoch);
  let drawn: { epoch: number; order: Int32Array } | undefined;
  return {
    totalSteps,
    stepsPerEpoch,
    samplesOf(step) {
      assert(Number.isInteger(step) && step >= 1, `steps count from 1, got ${step}`);
      const epoch = Math.floor((step - 1) / stepsPerEpoch);
      if (drawn?.epoch !== epoch) drawn = { epoch, order: epochOrder(size, seed, epoch) };
      const from = ((step - 1) % stepsPerEpoch) * trainBatchSize;
      return drawn.order.subarray(from, from + trainBatchSize);
    },
    epochAfter: (step) => step / stepsPerEpoch,
  };
}

/** The part of the configuration that decides the plan. */
export type PlanConfig = Pick<
  ResolvedConfig,
  | 'trainBatchSize'
  | 'numTrainEpochs'
  | 'maxSteps'
  | 'microBatchTokens'
  | 'maxSeqLength'
  | 'dataSeed'
  | 'packing'
>;

export interface TrainingPlan extends Pick<StepPlan, 'totalSteps' | 'stepsPerEpoch'> {
  /** All shapes that shards of this run can have, longest first; a rare one may have room for more predictions. */
  readonly shapes: readonly ShardShape[];
  /** Shards of a step (1-based), numbered by their position. */
  shardsOf(step: number): Shard[];
}

/** Steps whose shards decide how many predictions shapes have room for. */
const stepsLookedAt = 256;

/**
 * Samples share rows within their step, so that a step has the samples it would have without packing; with `packing` rows are
 * filled over the epoch and a step takes rows; with `packing: false` each sample has a row to itself.
 * @param cacheFolder where the shapes found are kept; undefined keeps nothing
 */
export function planTraining(
  sizes: SampleSizes,
  config: PlanConfig,
  cacheFolder?: string,
): TrainingPlan {
  const plan =
    config.packing === true
      ? planRows(sizes, config, cacheFolder)
      : planSamples(sizes, config, cacheFolder);
  const { targets } = sizes;
  if (targets === undefined) return plan;
  const looked = Math.min(plan.totalSteps, plan.stepsPerEpoch, stepsLookedAt);
  const stride = Math.min(plan.totalSteps, plan.stepsPerEpoch) / looked;
  const shards = Array.from({ length: looked }, (_, at) =>
    plan.shardsOf(1 + Math.floor(at * stride)),
  );
  const { shapes, bounded } = boundTargets(plan.shapes, shards.flat(), targets);
  return { ...plan, shapes, shardsOf: (step) => plan.shardsOf(step).map(bounded) };
}

/** Steps of the whole run, without its shapes. */
export function countSteps({ lengths }: SampleSizes, config: PlanConfig): number {
  const size =
    config.packing === true
      ? packEpoch(lengths, config.maxSeqLength).rowTokens.length
      : lengths.length;
  return planSteps({ ...config, size, seed: config.dataSeed }).totalSteps;
}

function trainingForms(
  lengths: Int32Array,
  config: PlanConfig,
  mayPack: boolean,
  cacheFolder: string | undefined,
): ShardForms {
  const { trainBatchSize, microBatchTokens, maxSeqLength, dataSeed: seed } = config;
  const request = { lengths, trainBatchSize, microBatchTokens, maxSeqLength, seed, mayPack };
  return keptForms('training', cacheFolder, request, chooseShapes);
}

function planSamples(
  { lengths }: SampleSizes,
  config: PlanConfig,
  cacheFolder: string | undefined,
): TrainingPlan {
  const steps = planSteps({ ...config, size: lengths.length, seed: config.dataSeed });
  const mayPack = config.packing !== false;
  const { shapes, packing } = trainingForms(lengths, config, mayPack, cacheFolder);
  return {
    ...steps,
    shapes,
    shardsOf: (step) => cutShards({ samples: steps.samplesOf(step), lengths, shapes, packing }),
  };
}

/** As `planSamples`, over packed rows in place of samples. */
function planRows(
  { lengths }: SampleSizes,
  config: PlanConfig,
  cacheFolder: string | undefined,
): TrainingPlan {
  const seed = config.dataSeed;
  const { rowTokens, samplesPerRow, rowsOf } = packEpoch(lengths, config.maxSeqLength);
  const steps = planSteps({ ...config, size: rowTokens.length, seed });
  const { shapes, packing } = trainingForms(rowTokens, config, false, cacheFolder);
  let packed: { epoch: number; rows: readonly PackedRow[] } | undefined;
  const rowsOfEpoch = (epoch: number): readonly PackedRow[] => {
    if (packed?.epoch !== epoch)
      packed = { epoch, rows: rowsOf(epochOrder(lengths.length, seed, epoch)) };
    return packed.rows;
  };
  return {
    ...steps,
    shapes: shapes.map((shape) => ({ ...shape, samplesPerRow })),
    shardsOf: (step) => {
      const rows = rowsOfEpoch(Math.floor((step - 1) / steps.stepsPerEpoch));
      const request = { samples: steps.samplesOf(step), lengths: rowTokens, shapes, packing };
      return cutShards(request).map(({ shape, rows: places }) => ({
        shape: { ...shape, samplesPerRow },
        rows: places.map((row) => row.flatMap((at) => rows[at]?.samples ?? [])),
      }));
    },
  };
}

/** Evaluation keeps no activations, so its shards may be larger than those of training. */
const evaluationTokens = 1024;

/** Shards of a whole split, each sample once. Few shapes, because each one's forward graph is compiled. */
export function planEvaluation(
  { lengths, targets }: SampleSizes,
  config: Pick<PlanConfig, 'microBatchTokens' | 'maxSeqLength' | 'packing'>,
  cacheFolder?: string,
): Shard[] {
  if (lengths.length === 0) return [];
  const microBatchTokens = Math.max(config.microBatchTokens, evaluationTokens);
  const { maxSeqLength } = config;
  const mayPack = config.packing !== false;
  const { shapes, packing } = keptForms(
    'evaluation',
    cacheFolder,
    { lengths, microBatchTokens, maxSeqLength, mayPack },
    chooseEvaluationShapes,
  );
  const samples = lengths.map((_, sample) => sample);
  const shards = cutShards({ samples, lengths, shapes, packing });
  return targets === undefined ? shards : shards.map(boundTargets(shapes, shards, targets).bounded);
}
