/** What is fixed for the whole run: everything the decisions may look at besides state, event and time. */
import type {
  ResolvedConfig,
  RunFolder,
  Shard,
  ShardRange,
  TaskSpec,
  WorkerMessage,
} from '@microtune/shared';
import type { Metrics } from '@microtune/tasks';
import type { TrainerState } from '../trainer-state.js';

/** One optimizer step as it will be trained: a pure function of the data, the seed and the step. */
export interface StepPlan {
  readonly shards: readonly Shard[];
  /** By rank. */
  readonly ranges: readonly ShardRange[];
  readonly samples: number;
  /** Real tokens, padding not counted. */
  readonly tokens: number;
}

export type Evaluated = Extract<WorkerMessage, { type: 'evaluated' }>;

export interface EvaluationPlan {
  readonly shards: readonly Shard[];
  /** By rank. */
  readonly ranges: readonly ShardRange[];
  readonly samples: number;
  /** @param digests of `shards`, one each, in their order. @throws MicrotuneError `internal` when one is missing or does not fit */
  score(digests: readonly Uint8Array[]): Metrics;
}

export interface Deadlines {
  /** From the start of a worker to its hello. */
  readonly joinMs: number;
  /** From `welcome` to `ready`, without a sign of progress: data that could not be cached is tokenized again. */
  readonly loadMs: number;
  /** A worker with work that stands still or does nothing is given this, and the time of so many steps if that is more. */
  readonly hangMs: number;
  readonly hangSteps: number;
  /** One that computes, or waits for a disk, without a sign of progress: a compilation or a save takes its time. */
  readonly busyMs: number;
  /** Until the user is told who is waited for, by what that worker does. */
  readonly tellMs: { readonly stopped: number; readonly idle: number; readonly busy: number };
  /** A look at the time that comes so late means that this process itself stood still. */
  readonly ownPauseMs: number;
  /** For the answers to `halt`. */
  readonly haltMs: number;
  /** Between the first sign of a failure and the verdict: later signs may name the cause better. */
  readonly settleMs: number;
}

export interface RunSpec {
  readonly runId: string;
  readonly config: ResolvedConfig;
  readonly folder: RunFolder;
  readonly task: TaskSpec;
  /** Of the training data: a checkpoint of other data is not continued. */
  readonly dataHash: string;
  readonly stepsOfEpoch: number;
  readonly totalSteps: number;
  /** Steps sent beyond the one that all workers have applied. */
  readonly planAheadSteps: number;
  readonly deadlines: Deadlines;
  /** Where the run goes on from; undefined starts from the model. */
  readonly start: { readonly checkpoint: string; readonly state: TrainerState } | undefined;
  /** Checkpoints in the run folder before the start, oldest first; they count for save_total_limit. */
  readonly existingCheckpoints: readonly string[];
  readonly evaluation: EvaluationPlan | undefined;
  /** By rank: gradients that it holds at once at most. */
  readonly sumsHeld: readonly number[];
  /** @param step 1-based */
  planStep(step: number): StepPlan;
}
