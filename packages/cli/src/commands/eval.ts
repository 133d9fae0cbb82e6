/** `microtune eval <run folder> --file F`: metrics of a trained model on a labelled file, in this process. */
import { computeMetrics } from '@microtune/coordinator';
import { openDataset, planEvaluation } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { evalOptions } from '../command-list.js';
import { parseOptions } from '../config/parse-options.js';
import { openTrainedModel } from '../inference/open-trained-model.js';
import { duration, shortNumber } from '../output/format.js';
import { renderFacts } from '../output/table.js';

export async function run({
  values,
  positional: folder,
  environment,
}: CommandInput): Promise<number> {
  const options = parseOptions(evalOptions, values);
  const started = performance.now();
  const trained = await openTrainedModel(folder ?? '', {
    ...options,
    cacheFolder: environment.cacheFolder,
    environment: environment.variables,
  });
  const { model, mapping, settings, maxSeqLength } = trained;
  const dataset = await openDataset({
    files: options.file,
    columns: {
      columnNames: options.columnNames ?? settings.columnNames?.slice(),
      textColumnNames: options.textColumnNames ?? settings.textColumnNames?.slice(),
      labelColumnName: options.labelColumnName ?? settings.labelColumnName,
    },
    tokenizerFolder: folder ?? '',
    maxSeqLength,
    cacheFolder: environment.cacheFolder,
    mapping,
    maxSamples: options.maxSamples,
    onNote: (note) => void environment.stderr.write(`note: ${note}\n`),
  });
  if (dataset.size === 0) throw new MicrotuneError('data', `${options.file.join(', ')}: no rows`);
  const shards = planEvaluation(dataset.lengths, {
    microBatchTokens: settings.microBatchTokens,
    maxSeqLength,
  });
  const logits = await trained.runner.logits(dataset, shards);
  trained.runner.close();
  const predictions = { numLabels: model.program.numLabels, logits, labels: dataset.labels };
  const metrics = computeMetrics(predictions, {
    problemType: mapping.problemType,
    labelSmoothing: settings.labelSmoothing,
  });
  const seconds = (performance.now() - started) / 1000;
  environment.stdout.write(
    options.json
      ? `${JSON.stringify({ ...metrics, samples: dataset.size, seconds: Number(seconds.toFixed(3)) })}\n`
      : `${renderFacts([
          ...Object.entries(metrics).map(([name, value]) => [name, shortNumber(value)] as const),
          ['rows', dataset.size],
          ['time', duration(seconds)],
          ['engine', trained.engineText],
        ])}\n`,
  );
  return 0;
}
