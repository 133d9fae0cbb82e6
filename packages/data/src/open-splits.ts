import { MicrotuneError, type LabelTask, type ResolvedConfig } from '@microtune/shared';
import { guessNote } from './columns.js';
import { decideTextColumns } from './decide-columns.js';
import { datasetOf, firstRows, openSource } from './open-dataset.js';
import { holdOut } from './hold-out.js';
import { buildLabelMapping } from './label-mapping.js';
import { readModelLabels } from './model-labels.js';
import { refuseDoubtfulLabels } from './refuse-doubtful-labels.js';
import { dataError, listed } from './row.js';
import { holdSameBytes } from './source-data.js';
import { loadTextTokenizer } from './text-tokenizer.js';
import { lengthsOf } from './token-store.js';
import type { TokenizedDataset } from './dataset.js';
import type { CountedLabel } from './refuse-doubtful-labels.js';
import type { SourceData } from './source-data.js';
import type { TextTokenizer } from './text-tokenizer.js';

/** The part of the configuration that decides the splits. */
export type SplitConfig = Pick<
  ResolvedConfig,
  | 'trainFile'
  | 'validationFile'
  | 'validationSplit'
  | 'columnNames'
  | 'textColumnNames'
  | 'labelColumnName'
  | 'maxSeqLength'
  | 'maxTrainSamples'
  | 'maxEvalSamples'
  | 'numLabels'
  | 'problemType'
  | 'dataSeed'
>;

export interface SplitPlaces {
  /** Model folder: tokenizer files, and config.json for names of labels. */
  readonly tokenizerFolder: string;
  /** Folder whose config.json names the labels of the head that is trained on. Default: the same. */
  readonly labelsFolder?: string | undefined;
  /** Where tokenized files are kept; undefined keeps nothing. */
  readonly cacheFolder: string | undefined;
  /** As the coordinator decided it; undefined decides from the training labels. */
  readonly task?: LabelTask | undefined;
}

export interface Splits {
  readonly train: TokenizedDataset;
  readonly validation: TokenizedDataset | undefined;
  readonly task: LabelTask;
  readonly padTokenId: number;
  /** Tokens a row can have at most: the configured length, or what the model takes if that is less. */
  readonly maxSeqLength: number;
  /** The columns the texts were taken from. */
  readonly textColumns: readonly string[];
  /** Things the user should know. */
  readonly notes: readonly string[];
}

/**
 * The splits of a run: read, tokenized and cached by whoever comes first, taken from the cache by everybody after.
 * The same on every process that opens them with the same configuration and task (`contentHash` proves it).
 * @throws MicrotuneError `data` or `usage` as `openDataset`; `usage` for contradicting options
 */
export async function openSplits(config: SplitConfig, places: SplitPlaces): Promise<Splits> {
  const { validationFile, validationSplit } = config;
  if (validationFile !== undefined && validationSplit !== undefined && validationSplit > 0) {
    throw new MicrotuneError(
      'usage',
      'validation_split and validation_file exclude each other; give one of them',
    );
  }
  const notes: string[] = [];
  const tokenizer = await loadTextTokenizer(
    places.tokenizerFolder,
    config.maxSeqLength,
    places.cacheFolder,
  );
  if (tokenizer.maxSeqLength < config.maxSeqLength) {
    notes.push(
      `max_seq_length ${config.maxSeqLength} is above what the model takes; using ${tokenizer.maxSeqLength}`,
    );
  }
  const decided = places.task !== undefined;
  if (!decided) await refuseTrainingFiles(config);
  const textColumnNames = await textColumnsOf(config);
  const guess = guessNote([textColumnNames[0] ?? '', textColumnNames[1]], config);
  if (guess !== undefined) notes.push(`${config.trainFile[0]}: ${guess}`);
  const columns = { ...config, textColumnNames };
  const open = async (files: readonly string[]): Promise<SourceData> => {
    const source = await openSource({ files, columns, tokenizer }, places.cacheFolder, (note) =>
      notes.push(note),
    );
    if (!decided) notes.push(...emptyTexts(source, files, tokenizer));
    return source;
  };

  const source = await open(config.trainFile);
  const task = await decideTask(source, config, places);
  const common = {
    task,
    padTokenId: tokenizer.padTokenId,
    maxSeqLength: tokenizer.maxSeqLength,
    textColumns: textColumnNames,
    notes,
  };
  if (validationSplit !== undefined && validationSplit > 0) {
    const parts = holdOut(source.labelIndices.length, validationSplit, config.dataSeed);
    return {
      train: datasetOf(source, task, parts.train.subarray(0, config.maxTrainSamples)),
      validation: datasetOf(source, task, parts.validation.subarray(0, config.maxEvalSamples)),
      ...common,
    };
  }
  const train = datasetOf(
    source,
    task,
    firstRows(source.labelIndices.length, config.maxTrainSamples),
  );
  if (validationFile === undefined) return { train, validation: undefined, ...common };
  const held = await open(validationFile);
  const validation = datasetOf(
    held,
    task,
    firstRows(held.labelIndices.length, config.maxEvalSamples),
  );
  return { train, validation, ...common };
}

async function decideTask(
  source: SourceData,
  config: SplitConfig,
  places: SplitPlaces,
): Promise<LabelTask> {
  if (places.task !== undefined) return places.task;
  const model = await readModelLabels(places.labelsFolder ?? places.tokenizerFolder);
  const task = buildLabelMapping(source.labelEntries, {
    numLabels: config.numLabels,
    problemType: config.problemType,
    modelLabels: model.labels,
    modelProblemType: model.problemType,
  });
  refuseDoubtfulLabels(countedLabels(source), task, config.numLabels);
  return task;
}

function countedLabels({ labelEntries, labelIndices }: SourceData): CountedLabel[] {
  const counts = new Int32Array(labelEntries.length);
  for (const index of labelIndices) counts[index] = (counts[index] ?? 0) + 1;
  return labelEntries.map((entry, index) => ({ ...entry, count: counts[index] ?? 0 }));
}

async function textColumnsOf(config: SplitConfig): Promise<string[]> {
  if (config.textColumnNames !== undefined) return config.textColumnNames;
  const found = await decideTextColumns(config.trainFile, config);
  return found.filter((name) => name !== undefined);
}

/** Evaluating on what was trained on says nothing. @throws MicrotuneError `data` naming both files */
async function refuseTrainingFiles({ trainFile, validationFile = [] }: SplitConfig): Promise<void> {
  for (const held of validationFile) {
    for (const trained of trainFile) {
      if (!(await holdSameBytes(held, trained))) continue;
      throw dataError(
        held,
        undefined,
        `the validation file holds the same bytes as the training file ${trained}: give rows that are not trained on, ` +
          'or --validation_split alone',
      );
    }
  }
}

/** @throws MicrotuneError `data` when no row has a text; @returns a note when some have none */
function emptyTexts(
  { tokens, textColumns }: SourceData,
  files: readonly string[],
  { blankTokens }: TextTokenizer,
): string[] {
  const blank = textColumns[1] === undefined ? blankTokens.single : blankTokens.pair;
  const lengths = lengthsOf(tokens);
  const empty = lengths.filter((length) => length <= blank).length;
  if (empty === 0) return [];
  const [file = ''] = files;
  if (empty === lengths.length)
    throw dataError(
      file,
      undefined,
      `all texts are empty: no row has one in ${listed(textColumns.filter((name) => name !== undefined))}; choose with --text_column_names`,
    );
  return [`${file}: ${empty} of ${lengths.length} rows have an empty text`];
}
