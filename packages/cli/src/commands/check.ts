/** `microtune check`: everything that can be wrong before the first step, found without starting a worker. */
import { cpus } from 'node:os';
import {
  batchNotes,
  notesOf,
  openRun,
  refuseEarlierRun,
  resolveConfig,
  type Note,
} from '@microtune/coordinator';
import { loadModel, requireFit } from '@microtune/models';
import { runFolder } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { loadConfig } from '../config/load-config.js';
import { placeRun } from '../training/place-run.js';
import { requireModel } from '../training/require-model.js';
import { grouped } from '../output/format.js';
import { renderFacts } from '../output/table.js';

export async function run({ values, positional, environment }: CommandInput): Promise<number> {
  const parsed = await loadConfig(values, positional);
  requireModel(parsed.modelNameOrPath);
  const { engine, note, devices } = await placeRun(parsed, environment);
  const config = resolveConfig(parsed, { cores: cpus().length, engine, devices });
  if (config.resumeFromCheckpoint === undefined && !config.overwriteOutputDir)
    refuseEarlierRun(runFolder(config.outputDir));
  const { spec, splits, notes } = await openRun(config, {
    runId: 'check',
    cacheFolder: environment.cacheFolder,
  });
  const { labels, problemType } = splits.mapping;
  const model = await loadModel(config.modelNameOrPath, {
    seed: config.seed,
    labels,
    problemType,
    labelSmoothing: config.labelSmoothingFactor,
  });
  for (const split of [splits.train, splits.validation]) {
    if (split !== undefined) requireFit(model, split);
  }
  const found = {
    engine,
    devices,
    workers: config.workers,
    train_rows: splits.train.size,
    evaluation_rows: splits.validation?.size ?? 0,
    labels: problemType === 'regression' ? [] : labels,
    train_batch_size: config.trainBatchSize,
    steps: spec.totalSteps,
    steps_per_epoch: spec.stepsOfEpoch,
    shards_of_first_step: spec.planStep(1).shards.length,
    parameters: parameterCount(model.program.parameters),
    notes: [
      ...notes,
      ...notesOf('batch_follows_workers', batchNotes(parsed, config)),
      ...notesOf('model', model.notes),
      ...notesOf('engine', note === undefined ? [] : [note]),
    ],
  };
  environment.stdout.write(config.json ? `${JSON.stringify(found)}\n` : `${foundText(found)}\n`);
  return 0;
}

function parameterCount(parameters: readonly { readonly shape: readonly number[] }[]): number {
  return parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}

function foundText({
  notes,
  ...facts
}: {
  notes: readonly Note[];
  [name: string]: unknown;
}): string {
  const rows = Object.entries(facts).map(([name, value]) => {
    const text =
      typeof value === 'number'
        ? grouped(value)
        : Array.isArray(value)
          ? value.join(', ')
          : String(value);
    return [name.replaceAll('_', ' '), text === '' ? '-' : text] as const;
  });
  return [renderFacts(rows), ...notes.map(({ text }) => `note: ${text}`), 'ready to train'].join(
    '\n',
  );
}
