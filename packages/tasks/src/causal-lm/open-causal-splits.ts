/** Opens the data of a run that trains a causal language model: what a task with its data open is made of (`OpenedTask`). */
import { createHash } from 'node:crypto';
import { holdOut, spreadOf, type DataReport } from '@microtune/data';
import { MicrotuneError, type ResolvedConfig } from '@microtune/shared';
import type { OpenedTask } from '../opened-task.js';
import { causalDigest, causalMetricNames } from './causal-digest.js';
import { columnsOfForm } from './data-form.js';
import { decideForm } from './decide-form.js';
import { sampleKey } from './duplicates.js';
import type { EncodeOptions } from './encode-samples.js';
import { openModelFolder, padTokenOf, type FolderOptions } from './open-model-folder.js';
import { openSamples, type OpenedSamples } from './open-samples.js';
import { boundsOf, samplesOfRows, selectSamples, type CausalSamples } from './samples.js';
import { splitOf, type SampleSplit } from './sample-split.js';
import { getBit } from './bits.js';

export interface CausalConfig
  extends
    EncodeOptions,
    FolderOptions,
    Pick<
      ResolvedConfig,
      | 'trainFile'
      | 'validationFile'
      | 'validationSplit'
      | 'maxTrainSamples'
      | 'maxEvalSamples'
      | 'dataSeed'
    > {}

export interface CausalPlaces {
  /** Model folder: tokenizer, chat template, config.json. */
  readonly tokenizerFolder: string;
  /** Where samples are kept; undefined keeps nothing. */
  readonly cacheFolder: string | undefined;
}

/** @throws MicrotuneError `data` or `usage` as `openSamples`; `usage` for contradicting options or a missing date */
export async function openCausalSplits(
  asked: CausalConfig,
  { tokenizerFolder, cacheFolder }: CausalPlaces,
): Promise<OpenedTask> {
  const { validationFile, validationSplit = 0, maxTrainSamples, maxEvalSamples } = asked;
  if (validationFile !== undefined && validationSplit > 0) {
    throw new MicrotuneError(
      'usage',
      'validation_split and validation_file exclude each other; give one of them',
    );
  }
  const decided = await decideForm(asked.trainFile, asked);
  const config = { ...asked, ...decided };
  const { source, maxSeqLength } = await openModelFolder(tokenizerFolder, config);
  const open = (files: readonly string[]): Promise<OpenedSamples> =>
    openSamples({ ...source, files }, { ...config, maxSeqLength }, cacheFolder);

  const read = await open(config.trainFile);
  const held = validationFile && (await open(validationFile));
  if (held?.contentHash === read.contentHash) {
    throw new MicrotuneError(
      'data',
      `${validationFile?.join(', ')}: the validation data is the training data: give rows that are not trained on, or --validation_split alone`,
    );
  }
  const parts = validationSplit > 0 && holdOut(read.counts.rows, validationSplit, config.dataSeed);
  const rows = parts || { train: rangeOf(read.counts.rows), validation: new Int32Array(0) };
  const padTokenId = padTokenOf(source.tokenizer);
  const split = (
    opened: OpenedSamples,
    ofRows: Int32Array,
    maxRows: number | undefined,
  ): SampleSplit => {
    const chosen = samplesOfRows(opened.samples, ofRows.subarray(0, maxRows));
    const contentHash = createHash('sha256')
      .update(opened.contentHash)
      .update(chosen)
      .digest('hex');
    return splitOf(selectSamples(opened.samples, chosen), contentHash, padTokenId);
  };
  const train = split(read, rows.train, maxTrainSamples);
  if (train.samples.size === 0)
    throw new MicrotuneError('data', 'no row of the training split has anything to learn');
  const validation = parts
    ? split(read, rows.validation, maxEvalSamples)
    : held && split(held, rangeOf(held.counts.rows), maxEvalSamples);
  return {
    spec: { kind: 'causal-lm' },
    decided,
    metricNames: causalMetricNames,
    digest: causalDigest,
    train: train.split,
    validation: validation?.split,
    maxSeqLength,
    textColumns: columnsOfForm(read.form),
    notes: [
      ...(maxSeqLength < config.maxSeqLength
        ? [
            `max_seq_length ${config.maxSeqLength} is above what the model takes; using ${maxSeqLength}`,
          ]
        : []),
      ...read.notes,
      ...(held?.notes ?? []).map((note) => `validation data: ${note}`),
    ],
    report: () => report(train.samples, validation?.samples),
  };
}

const rangeOf = (size: number): Int32Array => Int32Array.from({ length: size }, (_, row) => row);

const describe = ({ size, lengths, cut }: CausalSamples) => ({
  rows: size,
  classCounts: undefined,
  labelRange: undefined,
  conflictingRows: undefined,
  tokens: spreadOf(lengths),
  rowsCut: cut.reduce((sum, isCut) => sum + isCut, 0),
});

function report(train: CausalSamples, validation: CausalSamples | undefined): DataReport {
  const trained = new Set(keysOf(train));
  const held = validation === undefined ? [] : keysOf(validation);
  return {
    train: {
      ...describe(train),
      duplicateRows: train.size - trained.size,
    },
    validation: validation && {
      ...describe(validation),
      duplicateRows: held.length - new Set(held).size,
    },
    overlapRows: held.filter((key) => trained.has(key)).length,
  };
}

function keysOf(samples: CausalSamples): string[] {
  return Array.from({ length: samples.size }, (_, sample) => {
    const [from, to] = boundsOf(samples, sample);
    const ids = samples.ids.subarray(from, to);
    const flags = Uint8Array.from(ids, (_, at) => Number(getBit(samples.learned, from + at)));
    return sampleKey({ ids, flags });
  });
}
