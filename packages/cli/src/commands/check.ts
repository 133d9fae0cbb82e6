/** `microtune check`: everything that can be wrong before the first step, found without starting a worker. */
import { cpus } from 'node:os';
import {
  batchNotes,
  checkDisk,
  diskNeed,
  notesOf,
  openRun,
  requireFreeFolder,
  resolveConfig,
  warmupStepCount,
  type Note,
} from '@microtune/coordinator';
import type { DataReport } from '@microtune/data';
import { checkWeights, describeTrained } from '@microtune/models';
import { askedTask, methodOf, modelSize } from '@microtune/models/model-size';
import {
  MicrotuneError,
  isLabelTask,
  labelsOf,
  messageOf,
  runConfigSchema,
  type ResolvedConfig,
  type TaskSpec,
} from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { loadConfig } from '../config/load-config.js';
import { proveRun } from '../engines/prove-run.js';
import { openModel } from '../training/open-model.js';
import { pinnedEnvironment } from '../training/pin-worker.js';
import {
  expectedSeconds,
  isOf,
  nearestSpeed,
  workOf,
  type RunSpeed,
  type RunWork,
} from '../training/expected-time.js';
import { placeRun } from '../training/place-run.js';
import { requireModel } from '../training/require-model.js';
import { settleTask } from '../training/settle-task.js';
import { rememberedSpeeds } from '../training/speed-file.js';
import { countsText, dataDoubts } from '../output/data-words.js';
import { byteSize, duration, grouped, percent, shortNumber } from '../output/format.js';
import { renderFacts } from '../output/table.js';

export async function run({ values, positional, environment }: CommandInput): Promise<number> {
  const asked = await loadConfig(values, positional);
  requireModel(asked.modelNameOrPath);
  const { config: parsed, note: taskNote } = await settleTask(asked);
  const { engine, note, devices, gpus } = await placeRun(parsed, environment);
  const config = resolveConfig(parsed, { cores: cpus().length, engine, devices });
  const problem = attempt(() => requireFreeFolder(config));
  const { spec, parameters, counts, work, ...found } = await examine(config, environment).catch(
    (error: unknown) => {
      throw problem instanceof MicrotuneError ? withAlso(error, problem) : error;
    },
  );
  const disk = attempt(() => checkDisk(spec, counts));
  const proven = await proveRun(config, {
    cacheFolder: environment.cacheFolder,
    env: pinnedEnvironment(environment.variables, { gpu: gpus[0], tf32: config.tf32 }),
    card: gpus[0]?.name,
  });
  const problems = [problem, disk].filter((one) => one instanceof MicrotuneError);
  const notes = [
    ...notesOf('task', taskNote === undefined ? [] : [taskNote]),
    ...found.notes,
    ...notesOf('batch_follows_workers', batchNotes(parsed, config)),
    ...notesOf('engine', [...(note === undefined ? [] : [note]), ...proven.notes]),
    ...notesOf('output_folder', [
      ...problems.map(messageOf),
      ...(typeof disk === 'string' ? [disk] : []),
    ]),
  ];
  const place = { cacheFolder: environment.cacheFolder, config, card: gpus[0]?.name };
  const all = {
    ...found,
    parameters,
    disk_bytes: diskNeed(spec, counts).mostBytes,
    ...timeFacts(work, rememberedSpeeds(place)),
    notes,
  };
  const text = config.json ? JSON.stringify(all) : foundText(all, problems.length === 0);
  environment.stdout.write(`${text}\n`);
  // Without --output_dir only the rest was asked about.
  if (problems[0] !== undefined && config.outputDir !== defaultOutputDir) throw problems[0];
  return 0;
}

const defaultOutputDir = runConfigSchema.shape.outputDir.parse(undefined);

function attempt<T>(check: () => T): T | MicrotuneError {
  try {
    return check();
  } catch (error) {
    if (error instanceof MicrotuneError) return error;
    throw error;
  }
}

/** The error, and the folder's problem after it, so that both can be mended at once. */
function withAlso(error: unknown, problem: MicrotuneError): unknown {
  if (!(error instanceof MicrotuneError)) return error;
  return new MicrotuneError(error.code, `${error.message}\nand ${problem.message}`, {
    cause: error,
  });
}

/** Everything about data and model, without starting anything. */
async function examine(config: ResolvedConfig, { cacheFolder }: CommandInput['environment']) {
  const size = await modelSize(config.modelNameOrPath, askedTask(config), methodOf(config));
  const opened = await openRun(config, { runId: 'check', cacheFolder, model: size });
  const { spec, task, notes, memory } = opened;
  const model = await openModel(config, opened);
  await checkWeights(model);
  const all = model.program.parameters;
  const parameters = parameterCount(all);
  const trained = parameterCount(all.filter(({ trainable }) => trainable));
  const report = task.report();
  const isWithoutWarmup = config.lrSchedulerType === 'constant';
  const warmupSteps = isWithoutWarmup ? 0 : warmupStepCount(config, spec.totalSteps);
  return {
    engine: config.engine,
    devices: config.devices,
    workers: config.workers,
    train_rows: task.train.size,
    evaluation_rows: task.validation?.size ?? 0,
    text_columns: task.textColumns,
    max_seq_length: task.maxSeqLength,
    ...labelFacts(task.spec, spec.config),
    ...dataFacts(report),
    train_batch_size: config.trainBatchSize,
    steps: spec.totalSteps,
    steps_per_epoch: spec.stepsOfEpoch,
    warmup_steps: warmupSteps,
    warmup_share: warmupSteps / spec.totalSteps,
    shards_of_first_step: spec.planStep(1).shards.length,
    parameters,
    memory_bytes: memory?.totalBytes ?? 0,
    notes: [
      ...notes,
      ...notesOf('data', dataDoubts(report)),
      ...notesOf('model', model.notes),
      ...notesOf('trained', describeTrained(model.program.parameters)),
    ],
    spec,
    counts: { all: parameters, trained },
    work: size && workOf(opened, size),
  };
}

function labelFacts(
  task: TaskSpec,
  { labelColumnName, problemType }: ResolvedConfig,
): Record<string, unknown> {
  return isLabelTask(task)
    ? { label_column: labelColumnName, problem_type: problemType, labels: labelsOf(task) }
    : { task: task.kind };
}

/** Measured by an earlier run on this machine with the same engine, precision, device, workers and threads, or not told. */
function timeFacts(work: RunWork | undefined, speeds: readonly RunSpeed[]) {
  const speed = work && nearestSpeed(speeds, work.model);
  if (work === undefined || speed === undefined)
    return { expected_time: 'unknown until the first run' };
  const model = `${shortNumber(speed.model.parameterCount / 1e6)} M parameters`;
  const from = isOf(work.model, speed)
    ? 'an earlier run of such a model here'
    : `a run of another model here, of ${model}`;
  return {
    expected_seconds: expectedSeconds(work, speed),
    expected_time: `estimated from ${from}`,
  };
}

function dataFacts({ train, validation, overlapRows }: DataReport) {
  const facts = {
    ...labelsFound(train, ''),
    tokens: train.tokens,
    truncated_share: train.rowsCut / train.rows,
    duplicate_rows: train.duplicateRows,
    ...(train.conflictingRows !== undefined && { conflicting_rows: train.conflictingRows }),
  };
  if (validation === undefined || validation.rows === 0) return facts;
  return {
    ...facts,
    ...labelsFound(validation, 'evaluation_'),
    evaluation_tokens: validation.tokens,
    evaluation_truncated_share: validation.rowsCut / validation.rows,
    overlap_rows: overlapRows,
    overlap_share: overlapRows / validation.rows,
  };
}

/** Nothing where rows have no labels. */
function labelsFound(split: DataReport['train'], prefix: string): Record<string, unknown> {
  if (split.classCounts !== undefined) return { [`${prefix}class_counts`]: countsOf(split) };
  return split.labelRange === undefined ? {} : { [`${prefix}label_range`]: split.labelRange };
}

const countsOf = ({ classCounts = [] }: DataReport['train']): Record<string, number> =>
  Object.fromEntries(classCounts.map(({ label, rows }) => [label, rows]));

function parameterCount(parameters: readonly { readonly shape: readonly number[] }[]): number {
  return parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}

function foundText(
  { notes, ...facts }: { notes: readonly Note[]; [name: string]: unknown },
  isReady: boolean,
): string {
  const { label_range: range, expected_seconds: seconds, ...others } = facts;
  // One row of the table says what the labels are, be they names or numbers.
  if (range !== undefined) others['labels'] = `numbers, ${factText('label_range', range)}`;
  if (typeof seconds === 'number')
    others['expected_time'] = `about ${duration(seconds)} (${String(facts['expected_time'])})`;
  const rows = Object.entries(others).map(([name, value]) => {
    const text = factText(name, value);
    return [name.replace(/_bytes$/, '').replaceAll('_', ' '), text === '' ? '-' : text] as const;
  });
  const verdict = isReady ? ['ready to train'] : [];
  return [renderFacts(rows), ...notes.map(({ text }) => `note: ${text}`), ...verdict].join('\n');
}

function factText(name: string, value: unknown): string {
  if (typeof value === 'number') {
    if (name.endsWith('_bytes')) return byteSize(value);
    return name.endsWith('_share') ? percent(value) : grouped(value);
  }
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  const numbers = Object.entries(value as Record<string, number>);
  return name.endsWith('_counts')
    ? countsText(numbers.map(([label, rows]) => ({ label, rows })))
    : numbers.map(([what, number]) => `${what} ${shortNumber(number)}`).join(', ');
}
