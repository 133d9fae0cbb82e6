/**
 * A task with its data open: what coordinator and worker plan, batch and score with. They see sizes and lengths, never
 * what a sample is.
 */
import type { DataReport, TokenizedTexts } from '@microtune/data';
import type { ResolvedConfig } from '@microtune/shared';
import type { Collate } from './collator.js';
import type { InputSpec } from './input-spec.js';
import type { EvaluatedShard, MetricsWithLoss, Task } from './task.js';

export interface TaskSplit {
  /** Samples. */
  readonly size: number;
  /** Tokens of each sample, which the planner packs by. */
  readonly lengths: Int32Array;
  /** Predictions of each that count, where the head computes those alone. */
  readonly targets?: Int32Array | undefined;
  /** Of source bytes, tokenizer and options: all workers must agree on it. */
  readonly contentHash: string;
  /** What is fed to the model, to be held against its limits. */
  readonly tokens: Pick<TokenizedTexts, 'lengths' | 'ids' | 'typeIds'>;
  collator(specs: readonly InputSpec[]): Collate;
  score(evaluated: readonly EvaluatedShard[]): MetricsWithLoss;
}

export interface OpenedTask extends Pick<Task<never>, 'spec' | 'metricNames' | 'digest'> {
  readonly train: TaskSplit;
  readonly validation: TaskSplit | undefined;
  /** Tokens a row can have at most: the configured length, or what the model takes if that is less. */
  readonly maxSeqLength: number;
  /** The columns the samples were taken from. */
  readonly textColumns: readonly string[];
  /** What was decided about the data: part of the run, stored with it. */
  readonly decided: Partial<ResolvedConfig>;
  /** Things the user should know. */
  readonly notes: readonly string[];
  /** Both splits and their overlap; reads every token once. */
  report(): DataReport;
}
