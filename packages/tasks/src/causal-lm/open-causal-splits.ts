/** Opens the data of a run that trains a causal language model: what a task with its data open is made of (`OpenedTask`). */
import { createHash } from 'node:crypto';
import { holdOut, loadSpanTokenizer, spreadOf, type DataReport } from '@microtune/data';
import { MicrotuneError, type ResolvedConfig } from '@microtune/shared';
import { loadChatTemplate } from '../chat/chat-template.js';
import type { OpenedTask, TaskSplit } from '../opened-task.js';
import { createCausalCollator } from './causal-collator.js';
import { causalDigest, causalMetricNames, scoreCausal } from './causal-digest.js';
import { columnsOfForm } from './data-form.js';
import { decideForm } from './decide-form.js';
import { sampleKey } from './duplicates.js';
import type { EncodeOptions } from './encode-samples.js';
import { readModelLimits } from './model-limits.js';
import { openSamples, type OpenedSamples } from './open-samples.js';
import { boundsOf, samplesOfRows, selectSamples, type CausalSamples } from './samples.js';
import { getBit } from './bits.js';

export interface CausalConfig
  extends
    EncodeOptions,
    Pick<
      ResolvedConfig,
      | 'trainFile'
      | 'validationFile'
      | 'validationSplit'
      | 'maxTrainSamples'
      | 'maxEvalSamples'
      | 'dataSeed'
    > {
  /** A template file in place of the model folder's. */
  readonly chatTemplate?: string | undefined;
  /** The day, e.g. 2026-11-28, for templates that write one: another day, other tokens. */
  readonly templateDate?: string | undefined;
}

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
  const { source, maxSeqLength } = await openFolder(config, tokenizerFolder);
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

/** Tokenizer, template and limits of the model folder. */
async function openFolder(config: CausalConfig, folder: string) {
  const limits = await readModelLimits(folder);
  const tokenizer = await loadSpanTokenizer(folder);
  const { templateDate, chatTemplate } = config;
  // Noon: the day is the same in every time zone that the process may be in.
  const today = new Date(`${templateDate ?? '1970-01-01'}T12:00:00`);
  if (Number.isNaN(today.getTime())) {
    throw new MicrotuneError(
      'usage',
      `template_date: expected e.g. 2026-11-28, got ${templateDate}`,
    );
  }
  const template = await loadChatTemplate(folder, { today, file: chatTemplate });
  if (template?.namesToday === true && templateDate === undefined) {
    throw new MicrotuneError(
      'usage',
      `${template.origin} writes the date into its texts: give the day with --template_date, so that every process and every ` +
        'start has the same tokens',
    );
  }
  return {
    source: { tokenizer, template, vocabularySize: limits.vocabularySize },
    maxSeqLength: Math.min(config.maxSeqLength, limits.maxPositions ?? Infinity),
  };
}

const rangeOf = (size: number): Int32Array => Int32Array.from({ length: size }, (_, row) => row);

/** Any token will do: no prediction that counts looks at padding. */
function padTokenOf({
  specialTokens,
  idOf,
}: {
  readonly specialTokens: Readonly<Record<string, string>>;
  idOf(token: string): number | undefined;
}): number {
  const token = specialTokens['pad_token'] ?? specialTokens['eos_token'];
  return (token === undefined ? undefined : idOf(token)) ?? 0;
}

interface SampleSplit {
  readonly samples: CausalSamples;
  readonly split: TaskSplit;
}

const noTypes = new Uint8Array(0);

function splitOf(samples: CausalSamples, contentHash: string, padTokenId: number): SampleSplit {
  const targetTokens = samples.targets.reduce((sum, count) => sum + count, 0);
  return {
    samples,
    split: {
      size: samples.size,
      lengths: samples.lengths,
      contentHash,
      tokens: { lengths: samples.lengths, ids: samples.ids, typeIds: noTypes },
      collator: (specs) => createCausalCollator(samples, specs, { padTokenId }),
      score: (evaluated) => scoreCausal(evaluated, targetTokens),
    },
  };
}

const describe = ({ size, lengths, cut }: CausalSamples) => ({
  rows: size,
  classCounts: undefined,
  labelRange: undefined,
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
      conflictingRows: 0,
    },
    validation: validation && {
      ...describe(validation),
      duplicateRows: held.length - new Set(held).size,
      conflictingRows: 0,
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
