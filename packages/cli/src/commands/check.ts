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
  type Note,
} from '@microtune/coordinator';
import { checkWeights } from '@microtune/models';
import { modelSize } from '@microtune/models/model-size';
import { MicrotuneError, messageOf, runConfigSchema, type ResolvedConfig } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { loadConfig } from '../config/load-config.js';
import { proveRun } from '../engines/prove-run.js';
import { openModel } from '../training/open-model.js';
import { pinnedEnvironment } from '../training/pin-worker.js';
import { placeRun } from '../training/place-run.js';
import { requireModel } from '../training/require-model.js';
import { byteSize, grouped } from '../output/format.js';
import { renderFacts } from '../output/table.js';

export async function run({ values, positional, environment }: CommandInput): Promise<number> {
  const parsed = await loadConfig(values, positional);
  requireModel(parsed.modelNameOrPath);
  const { engine, note, devices, gpus } = await placeRun(parsed, environment);
  const config = resolveConfig(parsed, { cores: cpus().length, engine, devices });
  const problem = attempt(() => requireFreeFolder(config));
  const { spec, parameters, ...found } = await examine(config, environment).catch(
    (error: unknown) => {
      throw problem instanceof MicrotuneError ? withAlso(error, problem) : error;
    },
  );
  const disk = attempt(() => checkDisk(spec, parameters));
  const proven = await proveRun(config, {
    cacheFolder: environment.cacheFolder,
    env: pinnedEnvironment(environment.variables, { gpu: gpus[0], tf32: config.tf32 }),
    card: gpus[0]?.name,
  });
  const problems = [problem, disk].filter((one) => one instanceof MicrotuneError);
  const notes = [
    ...found.notes,
    ...notesOf('batch_follows_workers', batchNotes(parsed, config)),
    ...notesOf('engine', [...(note === undefined ? [] : [note]), ...proven.notes]),
    ...notesOf('output_folder', [
      ...problems.map(messageOf),
      ...(typeof disk === 'string' ? [disk] : []),
    ]),
  ];
  const all = { ...found, parameters, disk_bytes: diskNeed(spec, parameters).mostBytes, notes };
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
  const size = await modelSize(config.modelNameOrPath, config.numLabels ?? 2);
  const opened = await openRun(config, { runId: 'check', cacheFolder, model: size });
  const { spec, splits, notes, memory } = opened;
  const { labels, problemType } = splits.mapping;
  const model = await openModel(config, opened);
  await checkWeights(model);
  const parameters = parameterCount(model.program.parameters);
  return {
    engine: config.engine,
    devices: config.devices,
    workers: config.workers,
    train_rows: splits.train.size,
    evaluation_rows: splits.validation?.size ?? 0,
    text_columns: splits.textColumns,
    label_column: config.labelColumnName,
    problem_type: problemType,
    labels: problemType === 'regression' ? [] : labels,
    train_batch_size: config.trainBatchSize,
    steps: spec.totalSteps,
    steps_per_epoch: spec.stepsOfEpoch,
    shards_of_first_step: spec.planStep(1).shards.length,
    parameters,
    memory_bytes: memory?.totalBytes ?? 0,
    notes: [...notes, ...notesOf('model', model.notes)],
    spec,
  };
}

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
  const rows = Object.entries(facts).map(([name, value]) => {
    const text =
      typeof value === 'number'
        ? name.endsWith('_bytes')
          ? byteSize(value)
          : grouped(value)
        : Array.isArray(value)
          ? value.join(', ')
          : String(value);
    return [name.replace(/_bytes$/, '').replaceAll('_', ' '), text === '' ? '-' : text] as const;
  });
  const verdict = isReady ? ['ready to train'] : [];
  return [renderFacts(rows), ...notes.map(({ text }) => `note: ${text}`), ...verdict].join('\n');
}
