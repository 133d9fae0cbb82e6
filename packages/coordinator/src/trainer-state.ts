/**
 * trainer_state.json of a checkpoint: HuggingFace's fields, and under `microtune` what an exact continuation needs
 * beside the tensors. Written through the worker that saves, read by the coordinator that resumes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  MicrotuneError,
  messageOf,
  trainerStateFile,
  type ResolvedConfig,
} from '@microtune/shared';
import { z } from 'zod';
import { listCheckpoints } from './list-checkpoints.js';
import { earlierAdvice } from './resume-advice.js';

const logEntrySchema = z.record(z.string(), z.number());
/** One entry of log_history: numbers by name, always with `step` and `epoch`. */
export type LogEntry = Readonly<z.infer<typeof logEntrySchema>>;

const continuationSchema = z.object({
  /** Options that decide the bits of the run; a continuation must have the same. */
  identity: z.object({
    dataHash: z.string(),
    trainBatchSize: z.number(),
    microBatchTokens: z.number(),
    seed: z.number(),
    dataSeed: z.number(),
  }),
  /** Options that a continuation may change, to say so (`watchedOptions`); missing in checkpoints of early versions. */
  options: z.record(z.string(), z.unknown()).optional(),
  samplesSeen: z.number(),
  /** Sum over steps of the mean loss, since the start and since the last logged step. */
  lossTotal: z.number(),
  lossSinceLog: z.number(),
  lastLoggedStep: z.number(),
  evaluationsWithoutImprovement: z.number(),
  /** The run was cut off before the evaluation or checkpoint that is due at this step. */
  pauseIsDue: z.boolean().optional(),
  bestMetrics: z.record(z.string(), z.number()).optional(),
});

const trainerStateSchema = z.object({
  epoch: z.number(),
  global_step: z.number().int().nonnegative(),
  max_steps: z.number().int(),
  num_train_epochs: z.number(),
  train_batch_size: z.number().int().positive(),
  logging_steps: z.number(),
  eval_steps: z.number().nullable(),
  save_steps: z.number(),
  num_input_tokens_seen: z.number(),
  total_flos: z.number(),
  log_history: z.array(logEntrySchema),
  best_metric: z.number().nullable(),
  best_global_step: z.number().nullable(),
  best_model_checkpoint: z.string().nullable(),
  is_local_process_zero: z.boolean(),
  is_world_process_zero: z.boolean(),
  is_hyper_param_search: z.boolean(),
  trial_name: z.null(),
  trial_params: z.null(),
  stateful_callbacks: z.record(z.string(), z.unknown()),
  microtune: continuationSchema,
});
export type TrainerState = z.infer<typeof trainerStateSchema>;
export type RunIdentity = TrainerState['microtune']['identity'];

/** @throws MicrotuneError `data` when the folder holds no readable trainer state of this program; names the checkpoint before it */
export function readTrainerState(checkpoint: string): TrainerState {
  const file = join(checkpoint, trainerStateFile);
  if (!existsSync(checkpoint)) {
    const there = listCheckpoints(dirname(checkpoint));
    throw new MicrotuneError(
      'usage',
      `resume_from_checkpoint: ${checkpoint} does not exist; ` +
        (there.length === 0
          ? 'there is no other checkpoint beside it'
          : `there are ${there.join(', ')}`),
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new MicrotuneError(
      'data',
      `${checkpoint} is not a whole checkpoint: ${file}: ${messageOf(error)}${adviceFor(checkpoint)}`,
      { cause: error },
    );
  }
  const result = trainerStateSchema.safeParse(parsed);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new MicrotuneError(
    'data',
    `${file} is not the state of a Microtune run: ${issue?.path.join('.') ?? ''}: ${issue?.message.replace(/^Invalid input: |, received \w+$/g, '') ?? 'not valid'}${adviceFor(checkpoint)}`,
  );
}

function adviceFor(checkpoint: string): string {
  return earlierAdvice(checkpoint, listCheckpoints(dirname(checkpoint)));
}

export function runIdentity(config: ResolvedConfig, dataHash: string): RunIdentity {
  const { trainBatchSize, microBatchTokens, seed, dataSeed } = config;
  return { dataHash, trainBatchSize, microBatchTokens, seed, dataSeed };
}
