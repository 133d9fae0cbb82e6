/** What a user interface hears of a running training. */
import type { LogEntry } from './trainer-state.js';
import type { Metrics } from './metrics.js';
import type { RunRecord, StepLine } from './decide/run-state.js';

export type RunNews =
  | {
      type: 'opened';
      runId: string;
      totalSteps: number;
      /** Steps done before, when resuming. */
      stepsDone: number;
      stepsPerEpoch: number;
      trainSamples: number;
      evaluationSamples: number;
      labels: readonly string[];
    }
  /** Something the user should know, e.g. a head created from the seed. */
  | { type: 'note'; text: string }
  | Extract<RunRecord, { type: 'ready' }>
  | { type: 'step'; line: StepLine; totalSteps: number }
  /** One per logging_steps, with the mean loss since the last. */
  | { type: 'log'; entry: LogEntry }
  | { type: 'evaluation'; entry: LogEntry; metrics: Metrics }
  | { type: 'saved'; kind: string; folder: string }
  /** What the coordinator decided and why, as in events.jsonl. */
  | { type: 'reason'; text: string };

export type RunObserver = (news: RunNews) => void;
