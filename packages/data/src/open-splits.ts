import { MicrotuneError } from '@microtune/shared';
import { datasetOf, firstRows, openSource } from './open-dataset.js';
import { holdOut } from './hold-out.js';
import { buildLabelMapping } from './label-mapping.js';
import { readModelLabels } from './model-labels.js';
import { loadTextTokenizer } from './text-tokenizer.js';
import type { ResolvedConfig } from '@microtune/shared';
import type { LabelMapping, TokenizedDataset } from './dataset.js';
import type { SourceData } from './source-data.js';

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
  /** Where tokenized files are kept; undefined keeps nothing. */
  readonly cacheFolder: string | undefined;
  /** Label names by id as the coordinator decided them (empty for regression); undefined decides from the training labels. */
  readonly labels?: readonly string[] | undefined;
}

export interface Splits {
  readonly train: TokenizedDataset;
  readonly validation: TokenizedDataset | undefined;
  readonly mapping: LabelMapping;
  readonly padTokenId: number;
  /** Things the user should know. */
  readonly notes: readonly string[];
}

/**
 * The splits of a run: read, tokenized and cached by whoever comes first, taken from the cache by everybody after.
 * The same on every process that opens them with the same configuration and labels (`contentHash` proves it).
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
  const tokenizer = await loadTextTokenizer(places.tokenizerFolder, config.maxSeqLength);
  if (tokenizer.maxSeqLength < config.maxSeqLength) {
    notes.push(
      `max_seq_length ${config.maxSeqLength} is above what the model takes; using ${tokenizer.maxSeqLength}`,
    );
  }
  const open = (files: readonly string[]): Promise<SourceData> =>
    openSource({ files, columns: config, tokenizer }, places.cacheFolder, (note) =>
      notes.push(note),
    );

  const source = await open(config.trainFile);
  const mapping = await decideMapping(source, config, places);
  const common = { mapping, padTokenId: tokenizer.padTokenId, notes };
  if (validationSplit !== undefined && validationSplit > 0) {
    const parts = holdOut(source.labelIndices.length, validationSplit, config.dataSeed);
    return {
      train: datasetOf(source, mapping, parts.train.subarray(0, config.maxTrainSamples)),
      validation: datasetOf(source, mapping, parts.validation.subarray(0, config.maxEvalSamples)),
      ...common,
    };
  }
  const train = datasetOf(
    source,
    mapping,
    firstRows(source.labelIndices.length, config.maxTrainSamples),
  );
  if (validationFile === undefined) return { train, validation: undefined, ...common };
  const held = await open(validationFile);
  const validation = datasetOf(
    held,
    mapping,
    firstRows(held.labelIndices.length, config.maxEvalSamples),
  );
  return { train, validation, ...common };
}

async function decideMapping(
  source: SourceData,
  config: SplitConfig,
  places: SplitPlaces,
): Promise<LabelMapping> {
  if (places.labels !== undefined) return mappingOf(places.labels);
  const model = await readModelLabels(places.tokenizerFolder);
  return buildLabelMapping(source.labelEntries, {
    numLabels: config.numLabels,
    problemType: config.problemType,
    modelLabels: model.labels,
    modelProblemType: model.problemType,
  });
}

/** The mapping that names alone stand for: none means regression. */
export function mappingOf(labels: readonly string[]): LabelMapping {
  return labels.length === 0
    ? { problemType: 'regression', labels: [] }
    : { problemType: 'single_label_classification', labels };
}
