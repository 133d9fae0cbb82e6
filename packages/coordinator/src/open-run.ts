/** Opens what a run needs to be planned: the data, the checkpoint to go on from, and the plans as functions of the step. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { assignShards, planEvaluation, planTraining } from '@microtune/data';
import {
  MicrotuneError,
  assert,
  modelConfigFile,
  optionName,
  runFolder,
  samplesIn,
  type ResolvedConfig,
  type Shard,
  type ShardRange,
} from '@microtune/shared';
import { openTask, type OpenedTask } from '@microtune/tasks';
import { bestMetricName } from './best-metric.js';
import type { Deadlines, EvaluationPlan, RunSpec, StepPlan } from './decide/run-spec.js';
import { goesOnInPlace } from './earlier-run.js';
import { availableMemoryBytes } from './available-memory.js';
import { requireMachineMemory, type MemoryNeed, type ModelNumbers } from './memory-need.js';
import { memoryAlternatives, runMemory, sumsHeldBy } from './run-memory.js';
import { listCheckpoints } from './list-checkpoints.js';
import { notesOf, type Note } from './note.js';
import {
  readTrainerState,
  runIdentity,
  type RunIdentity,
  type TrainerState,
} from './trainer-state.js';
import { checkLength, oddLengths } from './run-length.js';
import { resumeNotes } from './resume-notes.js';
import { unusedOptions } from './unused-options.js';

export interface OpenedRun {
  readonly spec: RunSpec;
  readonly task: OpenedTask;
  readonly trainSamples: number;
  readonly evaluationSamples: number;
  /** Of all processes; undefined where nothing is known of the model. */
  readonly memory: MemoryNeed | undefined;
  /** Things the user should know. */
  readonly notes: readonly Note[];
}

/** Steps sent beyond the one all workers have applied: enough that no step waits for a message. */
const planAheadSteps = 3;
const deadlines: Deadlines = {
  joinMs: 60_000,
  loadMs: 600_000,
  hangMs: 60_000,
  hangSteps: 10,
  busyMs: 3_600_000,
  tellMs: { stopped: 3000, idle: 6000, busy: 30_000 },
  ownPauseMs: 5000,
  haltMs: 10_000,
  settleMs: 500,
};

export interface OpenOptions {
  readonly runId: string;
  readonly cacheFolder: string | undefined;
  /** For the estimate of memory; undefined makes none. */
  readonly model?: ModelNumbers | undefined;
}

/**
 * @throws MicrotuneError `data` or `usage` for data, options or a checkpoint that do not fit each other, or a run that does
 *   not fit this machine's memory
 */
export async function openRun(asked: ResolvedConfig, options: OpenOptions): Promise<OpenedRun> {
  const task = await openTask(asked, {
    tokenizerFolder: asked.modelNameOrPath,
    labelsFolder: labelsFolderOf(asked),
    cacheFolder: options.cacheFolder,
  });
  // What was decided about the data is part of the run: stored with it, and the same for workers, eval and predict.
  const config: ResolvedConfig = { ...asked, ...task.decided };
  const { train, validation } = task;
  const training = planTraining(train, config, options.cacheFolder);
  checkLength(config, training.totalSteps);
  const memory = options.model && runMemory(config, training, options.model);
  if (memory !== undefined && options.model !== undefined) {
    requireMachineMemory(memory, availableMemoryBytes(), {
      workers: config.workers,
      alternatives: memoryAlternatives(config, train, options.model),
    });
  }
  const planStep = rememberRecent((step) => planOf(training.shardsOf(step), train.lengths, config));
  const spec: RunSpec = {
    runId: options.runId,
    config,
    folder: runFolder(config.outputDir),
    task: task.spec,
    dataHash: train.contentHash,
    stepsOfEpoch: training.stepsPerEpoch,
    totalSteps: training.totalSteps,
    planAheadSteps,
    deadlines,
    start: startOf(config, { dataHash: train.contentHash, totalSteps: training.totalSteps }),
    // Those of a run that is overwritten go before the first step.
    existingCheckpoints: goesOnInPlace(config) ? listCheckpoints(config.outputDir) : [],
    evaluation: evaluationOf(validation, config, options.cacheFolder),
    sumsHeld: sumsHeldBy(config, training),
    planStep,
  };
  checkMetric(config, task.metricNames);
  return {
    spec,
    task,
    trainSamples: train.size,
    evaluationSamples: validation?.size ?? 0,
    memory,
    notes: [
      ...notesOf('data', task.notes),
      ...notesOf('unused_option', unusedOptions(config)),
      ...notesOf('changed_on_resume', changesOf(spec)),
      ...notesOf(
        'odd_length',
        oddLengths(
          config,
          spec.totalSteps,
          config.packing === true ? training.stepsPerEpoch * config.trainBatchSize : train.size,
        ),
      ),
      ...notesOf('idle_workers', fewShards(planStep(1), config)),
    ],
  };
}

function planOf(shards: readonly Shard[], lengths: Int32Array, config: ResolvedConfig): StepPlan {
  const samples = shards.flatMap(samplesIn);
  return {
    shards,
    ranges: rangesOf(shards, config),
    samples: samples.length,
    tokens: samples.reduce((sum, sample) => sum + (lengths[sample] ?? 0), 0),
  };
}

/** Workers of one machine are taken for equally fast. */
function rangesOf(shards: readonly Shard[], config: ResolvedConfig): ShardRange[] {
  return assignShards(
    shards,
    Array.from({ length: config.workers }, () => 1),
  );
}

/** A plan is asked for when it is sent and when it is done, a few steps later. */
function rememberRecent(plan: (step: number) => StepPlan): (step: number) => StepPlan {
  const recent = new Map<number, StepPlan>();
  return (step) => {
    const known = recent.get(step) ?? plan(step);
    recent.set(step, known);
    recent.delete(step - 2 * planAheadSteps);
    return known;
  };
}

function evaluationOf(
  validation: OpenedTask['validation'],
  config: ResolvedConfig,
  cacheFolder: string | undefined,
): EvaluationPlan | undefined {
  if (validation === undefined || validation.size === 0) return undefined;
  const shards = planEvaluation(validation, config, cacheFolder);
  return {
    shards,
    ranges: rangesOf(shards, config),
    samples: validation.size,
    score: (digests) => {
      const [wanted, found] = [shards.length, digests.length];
      assert(found === wanted, `${found} digests of ${wanted} evaluated shards`);
      return validation.score(shards.map((shard, at) => ({ shard, digest: digests[at]! })));
    },
  };
}

function checkMetric(config: ResolvedConfig, known: readonly string[]): void {
  const name = bestMetricName(config);
  if (known.includes(name)) return;
  throw new MicrotuneError(
    'usage',
    `metric_for_best_model: there is no metric "${name}" for this data; choose one of ${known.join(', ')}`,
  );
}

function startOf(
  config: ResolvedConfig,
  now: { dataHash: string; totalSteps: number },
): RunSpec['start'] {
  const checkpoint = config.resumeFromCheckpoint;
  if (checkpoint === undefined) return undefined;
  const state = readTrainerState(checkpoint);
  checkIdentity(checkpoint, state.microtune.identity, runIdentity(config, now.dataHash));
  if (state.global_step > now.totalSteps) {
    throw new MicrotuneError(
      'usage',
      `resume_from_checkpoint: ${checkpoint} is of step ${state.global_step}, this run has ${now.totalSteps}: raise max_steps or num_train_epochs`,
    );
  }
  return { checkpoint, state: withoutLostBest(config, state) };
}

/** The best weights are not in a checkpoint, but in `best` of the run folder; without them there is no best so far to come back to. */
function withoutLostBest(config: ResolvedConfig, state: TrainerState): TrainerState {
  const { best } = runFolder(config.outputDir);
  if (!config.loadBestModelAtEnd || existsSync(join(best, modelConfigFile))) return state;
  const microtune = { ...state.microtune, bestMetrics: undefined };
  return { ...state, best_metric: null, best_global_step: null, microtune };
}

function changesOf({ start, config, stepsOfEpoch }: RunSpec): string[] {
  if (start === undefined) return [];
  const { best_model_checkpoint: best, best_global_step: bestStep } = start.state;
  const lost =
    best !== null && bestStep === null
      ? [
          `the weights of the best evaluation so far are not in ${config.outputDir}: the best is sought from here on`,
        ]
      : [];
  return [...resumeNotes(config, start.state, stepsOfEpoch), ...lost];
}

function checkIdentity(checkpoint: string, then: RunIdentity, now: RunIdentity): void {
  for (const key of Object.keys(now) as (keyof RunIdentity)[]) {
    if (then[key] === now[key]) continue;
    const what =
      key === 'dataHash'
        ? 'other training rows (files, columns, labels, max_seq_length, max_train_samples, validation_split) or another tokenizer'
        : `${optionName(key)} ${then[key]}, this run has ${now[key]}`;
    throw new MicrotuneError(
      'usage',
      `resume_from_checkpoint: ${checkpoint} was made with ${what}; a resumed run must go on with the same`,
    );
  }
}

function fewShards(firstStep: StepPlan, { workers, microBatchTokens }: ResolvedConfig): string[] {
  const count = firstStep.shards.length;
  if (count >= workers) return [];
  return [
    `a step has ${count} shard${count === 1 ? '' : 's'} for ${workers} workers, so some workers idle: ` +
      `lower micro_batch_tokens (now ${microBatchTokens}) or raise train_batch_size`,
  ];
}

/** The head of an adapter to go on from has names in the config.json beside it, where we wrote it. */
function labelsFolderOf({ adapterNameOrPath: adapter }: ResolvedConfig): string | undefined {
  return adapter !== undefined && existsSync(join(adapter, modelConfigFile)) ? adapter : undefined;
}
