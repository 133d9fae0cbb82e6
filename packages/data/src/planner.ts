/**
 * The batch plan of a run: which samples a step trains on, and how they are cut into shards. Pure functions of lengths and
 * configuration; the number of workers is not among them, which is why it cannot change a bit of the result.
 */
import { assert } from '@microtune/shared';
import { chooseEvaluationShapes, chooseShapes } from './choose-shapes.js';
import { cutShards } from './cut-shards.js';
import { keptForms } from './kept-forms.js';
import { createRandom, permutation, purposes } from './random.js';
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
>;

export interface TrainingPlan extends StepPlan {
  /** All shapes that shards of this run can have, longest first. */
  readonly shapes: readonly ShardShape[];
  /** Shards of a step (1-based), numbered by their position. */
  shardsOf(step: number): Shard[];
}

/**
 * @param lengths tokens of every training sample
 * @param cacheFolder where the shapes found are kept; undefined keeps nothing
 */
export function planTraining(
  lengths: Int32Array,
  config: PlanConfig,
  cacheFolder?: string,
): TrainingPlan {
  const steps = planSteps({ ...config, size: lengths.length, seed: config.dataSeed });
  const { trainBatchSize, microBatchTokens, maxSeqLength, dataSeed: seed } = config;
  const { shapes, packing } = keptForms(
    'training',
    cacheFolder,
    { lengths, trainBatchSize, microBatchTokens, maxSeqLength, seed },
    chooseShapes,
  );
  return {
    ...steps,
    shapes,
    shardsOf: (step) => cutShards({ samples: steps.samplesOf(step), lengths, shapes, packing }),
  };
}

/** Evaluation keeps no activations, so its shards may be larger than those of training. */
const evaluationTokens = 1024;

/** Shards of a whole split, each sample once. Few shapes, because each one's forward graph is compiled. */
export function planEvaluation(
  lengths: Int32Array,
  config: Pick<ResolvedConfig, 'microBatchTokens' | 'maxSeqLength'>,
  cacheFolder?: string,
): Shard[] {
  if (lengths.length === 0) return [];
  const microBatchTokens = Math.max(config.microBatchTokens, evaluationTokens);
  const { maxSeqLength } = config;
  const { shapes, packing } = keptForms(
    'evaluation',
    cacheFolder,
    { lengths, microBatchTokens, maxSeqLength },
    chooseEvaluationShapes,
  );
  return cutShards({ samples: lengths.map((_, sample) => sample), lengths, shapes, packing });
}
