/** Files that a language model is evaluated on, outside of a run. */
import type { Task } from '../task.js';
import type { TaskSplit } from '../opened-task.js';
import { causalDigest } from './causal-digest.js';
import type { EncodeOptions } from './encode-samples.js';
import { openModelFolder, padTokenOf, type FolderOptions } from './open-model-folder.js';
import { openSamples } from './open-samples.js';
import type { CausalPlaces } from './open-causal-splits.js';
import { samplesOfRows, selectSamples } from './samples.js';
import { splitOf } from './sample-split.js';

export interface CausalFileOptions extends EncodeOptions, FolderOptions {
  /** Use only the first rows. */
  readonly maxRows?: number | undefined;
}

export interface OpenedCausalFile extends Pick<Task<never>, 'digest'> {
  readonly split: TaskSplit;
  /** Rows of the files that are used. */
  readonly rows: number;
  /** Tokens whose prediction is counted. */
  readonly targetTokens: number;
  /** Tokens a sample can have at most: the length asked for, or what the model takes if that is less. */
  readonly maxSeqLength: number;
  /** Things the user should know. */
  readonly notes: readonly string[];
}

/** @throws MicrotuneError as `openModelFolder` and `openSamples` */
export async function openCausalFile(
  files: readonly string[],
  asked: CausalFileOptions,
  { tokenizerFolder, cacheFolder }: CausalPlaces,
): Promise<OpenedCausalFile> {
  const { source, maxSeqLength } = await openModelFolder(tokenizerFolder, asked);
  const opened = await openSamples({ ...source, files }, { ...asked, maxSeqLength }, cacheFolder);
  const rows = Math.min(opened.counts.rows, asked.maxRows ?? Infinity);
  const chosen = samplesOfRows(
    opened.samples,
    Int32Array.from({ length: rows }, (_, row) => row),
  );
  const samples = selectSamples(opened.samples, chosen);
  const { split } = splitOf(samples, opened.contentHash, padTokenOf(source.tokenizer));
  return {
    split,
    rows,
    targetTokens: samples.targets.reduce((sum, count) => sum + count, 0),
    maxSeqLength,
    digest: causalDigest,
    notes: opened.notes,
  };
}
