/**
 * `microtune predict <run folder>`: JSON lines in (standard input or a file), one JSON line out for each, in order. A
 * line that cannot be used gives an error record, and the rest goes on. Answers go out as soon as the lines that came
 * together are done; when the reader of our output goes away, so do we, quietly.
 */
import type { Readable, Writable } from 'node:stream';
import { cutShards, openRows, unpacked, type RowGroup, type RowSource } from '@microtune/data';
import type { ShardShape } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { predictOptions } from '../command-list.js';
import { parseOptions } from '../config/parse-options.js';
import { openTrainedModel, type TrainedModel } from '../inference/open-trained-model.js';
import { predictionOf, type Prediction } from '../inference/prediction.js';

type PredictionRecord = Prediction | { readonly line: number; readonly error: string };

/** Padded tokens per run of the graph. */
const shardTokens = 512;

export async function run({
  values,
  positional: folder,
  environment,
}: CommandInput): Promise<number> {
  const options = parseOptions(predictOptions, values);
  const trained = await openTrainedModel(folder ?? '', {
    ...options,
    cacheFolder: environment.cacheFolder,
    environment: environment.variables,
  });
  const { settings, tokenizer } = trained;
  const groups = openRows(sourceOf(options.file, environment.stdin), {
    columns: {
      // The header of a file that is classified is its own business; names of training help where it has none.
      columnNames: options.columnNames ?? settings.columnNames?.slice(),
      textColumnNames: options.textColumnNames ?? settings.textColumnNames?.slice(),
      labelColumnName: settings.labelColumnName,
    },
    tokenizer,
    maxGroupRows: options.batchSize,
    onGuess: (note) => void environment.stderr.write(`note: ${note}\n`),
  });
  const shapes = shapesUpTo(trained.maxSeqLength);
  for await (const group of groups) {
    const records = await recordsOf(group, { trained, shapes });
    if (!(await writeLines(environment.stdout, records))) break;
  }
  trained.runner.close();
  return 0;
}

function sourceOf(file: string | undefined, stdin: Readable): RowSource {
  return file === undefined
    ? { bytes: stdin as AsyncIterable<Uint8Array>, name: 'standard input' }
    : { file };
}

/** Tokens per row to pad to; beyond, as long as the model takes. */
const paddedLengths = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/** Few shapes, fixed beforehand, because each is compiled: when its first row comes. */
function shapesUpTo(maxSeqLength: number): ShardShape[] {
  const lengths = [...paddedLengths.filter((tokens) => tokens < maxSeqLength), maxSeqLength];
  return lengths.map((tokens) => ({
    rows: Math.max(1, Math.floor(shardTokens / tokens)),
    tokens,
    samplesPerRow: 1,
  }));
}

async function recordsOf(
  { rows, dataset }: RowGroup,
  { trained, shapes }: { trained: TrainedModel; shapes: readonly ShardShape[] },
): Promise<PredictionRecord[]> {
  const { runner, model, mapping } = trained;
  const samples = Int32Array.from({ length: dataset.size }, (_, sample) => sample);
  const shards = cutShards({ samples, lengths: dataset.lengths, shapes, packing: unpacked });
  const logits = await runner.logits(dataset, shards); // [samples, numLabels]
  const { numLabels } = model.program;
  return rows.map(({ line, sample, error }) => {
    if (sample === undefined) return { line, error: error ?? 'cannot be read' };
    return predictionOf(
      logits.subarray(sample * numLabels, (sample + 1) * numLabels),
      mapping.labels,
    );
  });
}

/** Waits until the reader has taken the lines. @returns false when nobody reads any more */
async function writeLines(
  output: Writable,
  records: readonly PredictionRecord[],
): Promise<boolean> {
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  if (output.destroyed) return false;
  return new Promise((resolve) => output.write(text, (error) => resolve(!error)));
}
