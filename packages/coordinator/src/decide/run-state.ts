/** State, events and results of the coordinator's decisions: values only, never changed in place. */
import type { CoordinatorMessage, ErrorCode, StepTimings, WorkerMessage } from '@microtune/shared';
import type { Best } from '../best-metric.js';
import type { Cadence } from '../cadence.js';
import { createCadence } from '../cadence.js';
import type { Metrics } from '@microtune/tasks';
import { lifeCodes, type Note } from '../note.js';
import type { LogEntry } from '../trainer-state.js';
import type { Evaluated, RunSpec } from './run-spec.js';

export type Hello = Extract<WorkerMessage, { type: 'hello' }>;
export type Ready = Extract<WorkerMessage, { type: 'ready' }>;
export type Stepped = Extract<WorkerMessage, { type: 'stepped' }>;
export type Saved = Extract<WorkerMessage, { type: 'saved' }>;
export type SaveKind = Extract<CoordinatorMessage, { type: 'save' }>['kind'];

export type StopRequest = 'interrupted' | 'terminated';

/**
 * What the system says of a worker's process: it computes or waits for a disk, it only waits, or it does not run at all
 * (a signal or a debugger stopped it).
 */
export type Activity = 'busy' | 'idle' | 'stopped' | 'unknown';

export type RunEvent =
  | { type: 'message'; rank: number; message: WorkerMessage }
  /** Bytes that follow no schema. */
  | { type: 'invalid'; rank: number | undefined; reason: string }
  | {
      type: 'exited';
      rank: number;
      code: number | undefined;
      signal: string | undefined;
      stderr: string;
    }
  | { type: 'stop-requested'; request: StopRequest }
  /** Time passed; deadlines are looked at. Activities by rank, where they were looked at. */
  | { type: 'tick'; activities?: readonly Activity[] };

export interface Member {
  readonly hello: Hello | undefined;
  readonly ready: Ready | undefined;
  /** Last time the worker did something new, and what it was doing, in which step. */
  readonly progressAt: number;
  readonly phase: string;
  readonly phaseStep: number;
  /** Last message of any kind: JavaScript runs there. */
  readonly heardAt: number;
  readonly activity: Activity;
  /** The user was told that the others wait for it. */
  readonly isNamed: boolean;
  /** Highest step it reported. */
  readonly stepped: number;
  /** Commands sent and not yet answered. */
  readonly unanswered: number;
  readonly restoredSha256: string | undefined;
  /** Its answer to `halt`. */
  readonly halted: { readonly holdsStep: number | undefined } | undefined;
  readonly exited: boolean;
}

/** A folder that a worker was asked to write. */
export interface AskedSave {
  readonly rank: number;
  readonly kind: SaveKind;
  readonly step: number;
  readonly folder: string;
}

/** What is done before a run ends early (rescuing.ts). */
export type Rescue =
  | { readonly stage: 'halting'; readonly at: number }
  | { readonly stage: 'saving'; readonly at: number; readonly rank: number }
  | { readonly stage: 'done' };

/** Why a run fails, as first seen from one place. */
export interface FailureSign {
  /** Undefined when no worker is to blame. */
  readonly rank: number | undefined;
  readonly kind: 'reported' | 'exited' | 'protocol' | 'deadline' | 'disagreement' | 'decision';
  readonly code: ErrorCode;
  readonly reason: string;
}

export type Phase =
  | 'joining'
  | 'loading'
  | 'training'
  /** Waiting for the weights of the best evaluation, then for the final model. */
  | 'restoring'
  | 'saving'
  /** Asked to stop while a worker hangs: another one saves what is there. */
  | 'rescuing'
  | 'failing'
  | 'finished';

export interface RunState {
  readonly spec: RunSpec;
  readonly cadence: Cadence;
  readonly phase: Phase;
  readonly members: readonly Member[];
  /** Highest step whose plan was sent. */
  readonly planned: number;
  /** Highest step that every worker applied. */
  readonly stepped: number;
  /** Highest step whose evaluation and checkpoint are settled; -1 before the one at step 0. */
  readonly settled: number;
  /** Reports of steps not yet applied by all, by step and rank. */
  readonly reports: ReadonlyMap<number, ReadonlyMap<number, Stepped>>;
  readonly evaluation:
    | {
        readonly id: number;
        readonly startedAt: number;
        readonly parts: ReadonlyMap<number, Evaluated>;
      }
    | undefined;
  readonly evaluationsSent: number;
  /** Not answered yet, in the order they were sent. */
  readonly savesAsked: readonly AskedSave[];
  readonly lastSaved: Saved | undefined;
  /** Newest checkpoint asked for, and newest one that is whole. */
  readonly requestedCheckpoint: string | undefined;
  readonly lastCheckpoint: string | undefined;
  /** Whole ones, oldest first. */
  readonly checkpoints: readonly string[];
  readonly samplesSeen: number;
  readonly tokensSeen: number;
  readonly lossTotal: number;
  readonly lossSinceLog: number;
  readonly lastLoggedStep: number;
  readonly logHistory: readonly LogEntry[];
  readonly metrics: Metrics | undefined;
  readonly best: Best | undefined;
  readonly evaluationsWithoutImprovement: number;
  readonly stoppedEarly: boolean;
  readonly stopRequest: StopRequest | undefined;
  /** Last look at the time. */
  readonly lookedAt: number;
  /** Durations of the last steps, of the slowest worker. */
  readonly recentStepMs: readonly number[];
  readonly rescue: Rescue | undefined;
  /** Messages of strangers so far. */
  readonly strangers: number;
  readonly failure: { readonly at: number; readonly signs: readonly FailureSign[] } | undefined;
}

export interface RunError {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface Outcome {
  readonly status: 'completed' | 'interrupted' | 'terminated' | 'failed';
  readonly error: RunError | undefined;
}

/** What the shell writes down, shows or does to files. */
export type RunRecord =
  | { type: 'step'; line: StepLine; timings: readonly StepTimings[] }
  | { type: 'log'; entry: LogEntry }
  | { type: 'evaluation'; entry: LogEntry; metrics: Metrics }
  | {
      type: 'ready';
      device: Ready['device'];
      trainableParameters: number;
      totalParameters: number;
      notes: readonly string[];
    }
  | { type: 'saved'; kind: string; folder: string }
  /** Something the user should know now. */
  | ({ type: 'note' } & Note)
  /** A checkpoint beyond save_total_limit. */
  | { type: 'remove'; folder: string }
  | { type: 'finished'; outcome: Outcome };

/** One training line of metrics.jsonl. */
export interface StepLine {
  readonly step: number;
  readonly epoch: number;
  /** Mean over the global batch. */
  readonly loss: number;
  readonly learning_rate: number;
  readonly grad_norm: number;
  readonly samples: number;
  readonly tokens: number;
}

export interface Outgoing {
  readonly rank: number;
  readonly message: CoordinatorMessage;
}

/** What kind of decision: for programs that read events.jsonl or `--json`; the text is for people. */
export const reasonCodes = [
  'run_opened',
  'worker_joined',
  'workers_loading',
  'worker_ready',
  'workers_ready',
  'stop_requested',
  'stopped_early',
  'restoring_best',
  'saved',
  'checkpoint_removed',
  'note',
  ...lifeCodes,
  /** A message of no worker of this run. */
  'stranger',
  'fault',
  'failed',
  'ended',
] as const;

export interface Reason {
  readonly code: (typeof reasonCodes)[number];
  readonly text: string;
}

export interface Decision {
  readonly state: RunState;
  readonly messages: readonly Outgoing[];
  readonly records: readonly RunRecord[];
  /** What was decided and why; empty when nothing changed that a reader of events.jsonl would miss. */
  readonly reasons: readonly Reason[];
}

export function initialState(spec: RunSpec, now: number): RunState {
  const { config, start, totalSteps, stepsOfEpoch } = spec;
  const from = start?.state;
  const kept = from?.microtune;
  const step = from?.global_step ?? 0;
  const bestKnown = from?.best_metric ?? undefined;
  return {
    spec,
    cadence: createCadence(config, {
      totalSteps,
      stepsOfEpoch,
      hasEvaluation: spec.evaluation !== undefined,
    }),
    phase: 'joining',
    members: Array.from({ length: config.workers }, () => newMember(now, step)),
    planned: step,
    stepped: step,
    // What was due at the step of the checkpoint is done first where the run was cut off before it.
    settled: start === undefined ? -1 : kept?.pauseIsDue === true ? step - 1 : step,
    reports: new Map(),
    evaluation: undefined,
    evaluationsSent: 0,
    savesAsked: [],
    lastSaved: undefined,
    requestedCheckpoint: start?.checkpoint,
    lastCheckpoint: start?.checkpoint,
    checkpoints: spec.existingCheckpoints,
    samplesSeen: kept?.samplesSeen ?? 0,
    tokensSeen: from?.num_input_tokens_seen ?? 0,
    lossTotal: kept?.lossTotal ?? 0,
    lossSinceLog: kept?.lossSinceLog ?? 0,
    lastLoggedStep: kept?.lastLoggedStep ?? 0,
    logHistory: from?.log_history ?? [],
    metrics: undefined,
    best:
      bestKnown === undefined
        ? undefined
        : { value: bestKnown, step: from?.best_global_step ?? 0, metrics: kept?.bestMetrics ?? {} },
    evaluationsWithoutImprovement: kept?.evaluationsWithoutImprovement ?? 0,
    stoppedEarly: hasStoppedEarly(spec),
    stopRequest: undefined,
    lookedAt: now,
    recentStepMs: [],
    rescue: undefined,
    strangers: 0,
    failure: undefined,
  };
}

/** The patience was used up at the step of the checkpoint. */
function hasStoppedEarly({ config, start, totalSteps }: RunSpec): boolean {
  const kept = start?.state.microtune;
  if (kept === undefined || kept.pauseIsDue === true) return false;
  const exhausted =
    kept.evaluationsWithoutImprovement >= (config.earlyStoppingPatience ?? Infinity);
  return exhausted && (start?.state.global_step ?? 0) < totalSteps;
}

function newMember(now: number, step: number): Member {
  return {
    hello: undefined,
    ready: undefined,
    progressAt: now,
    phase: 'starting',
    phaseStep: step,
    heardAt: now,
    activity: 'unknown',
    isNamed: false,
    stepped: step,
    unanswered: 1,
    restoredSha256: undefined,
    halted: undefined,
    exited: false,
  };
}
