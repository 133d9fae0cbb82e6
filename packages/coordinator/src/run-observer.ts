/** What a user interface hears of a running training. */
import type { LogEntry } from './trainer-state.js';
import type { Metrics } from '@microtune/tasks';
import type { Note } from './note.js';
import type { Reason, RunRecord, StepLine } from './decide/run-state.js';

export type RunNews =
  | {
      type: 'opened';
      runId: string;
      totalSteps: number;
      /** Rows of an optimizer step over all workers. */
      trainBatchSize: number;
      /** Steps done before, when resuming. */
      stepsDone: number;
      stepsPerEpoch: number;
      trainSamples: number;
      evaluationSamples: number;
      labels: readonly string[];
    }
  /** Something the user should know, e.g. a head created from the seed. */
  | ({ type: 'note' } & Note)
  | Extract<RunRecord, { type: 'ready' }>
  | {
      type: 'step';
      line: StepLine;
      totalSteps: number;
      /** From taking the plan to the applied update, of the slowest worker. */
      stepMs: number;
    }
  /** One per logging_steps, with the mean loss since the last. */
  | { type: 'log'; entry: LogEntry }
  | { type: 'evaluation'; entry: LogEntry; metrics: Metrics }
  | { type: 'saved'; kind: string; folder: string }
  /** What the coordinator decided and why, as in events.jsonl. */
  | ({ type: 'reason' } & Reason);

export type RunObserver = (news: RunNews) => void;
