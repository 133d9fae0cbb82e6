/**
 * Samples as the model will see them, before anything is trained: which tokens there are, which of them are learned, how long they
 * are, what was cut or left out, and how well they pack.
 */
import {
  loadSpanTokenizer,
  packSamples,
  paddedShare,
  spreadOf,
  type SpanTokenizer,
  type Spread,
} from '@microtune/data';
import { loadChatTemplate } from '../chat/chat-template.js';
import { formText } from './data-form.js';
import type { EncodeOptions } from './encode-samples.js';
import { readModelLimits } from './model-limits.js';
import { openSamples } from './open-samples.js';
import type { SampleCounts } from './sample-counts.js';
import { boundsOf, isTarget, type CausalSamples } from './samples.js';

export interface InspectRequest extends EncodeOptions {
  readonly files: readonly string[];
  /** Model folder: tokenizer, chat template, config.json. */
  readonly model: string;
  readonly cacheFolder: string;
  /** A template file in place of the folder's. */
  readonly chatTemplate?: string | undefined;
  /** For templates that write the date. */
  readonly today: Date;
  /** Samples to be shown, from the first on. */
  readonly shownSamples: number;
}

/** Consecutive tokens of which all are learned, or none. */
export interface ShownPart {
  readonly learned: boolean;
  readonly text: string;
  readonly ids: readonly number[];
  /** As the vocabulary writes them. */
  readonly tokens: readonly string[];
}

export interface ShownSample {
  /** The row of the files, from 1. */
  readonly row: number;
  readonly tokens: number;
  readonly targetTokens: number;
  readonly parts: readonly ShownPart[];
}

export interface Inspection {
  /** How the rows were read, in words. */
  readonly form: string;
  /** Where the chat template stands; undefined where the folder has none. */
  readonly template: string | undefined;
  readonly maxSeqLength: number;
  readonly samples: number;
  readonly counts: SampleCounts;
  /** Of a sample. */
  readonly tokens: Spread;
  readonly targetTokens: Spread;
  /** Rows of `maxSeqLength` tokens and the part of them that is padding: a sample a row, and packed. */
  readonly packing: {
    readonly rows: number;
    readonly paddedShare: number;
    readonly unpackedPaddedShare: number;
  };
  readonly notes: readonly string[];
  readonly shown: readonly ShownSample[];
}

/** @throws MicrotuneError `data` or `usage` as `openSamples`, `loadSpanTokenizer` and `loadChatTemplate` */
export async function inspectSamples(request: InspectRequest): Promise<Inspection> {
  const { files, model, cacheFolder, today, chatTemplate, shownSamples, ...asked } = request;
  const limits = await readModelLimits(model);
  const tokenizer = await loadSpanTokenizer(model);
  const template = await loadChatTemplate(model, { today, file: chatTemplate });
  const maxSeqLength = Math.min(asked.maxSeqLength, limits.maxPositions ?? Infinity);
  const source = { files, tokenizer, template, vocabularySize: limits.vocabularySize };
  const opened = await openSamples(source, { ...asked, maxSeqLength }, cacheFolder);
  const { samples } = opened;
  const first = Array.from({ length: Math.min(samples.size, shownSamples) }, (_, at) => at);
  return {
    form: formText(opened.form),
    template: template?.origin,
    maxSeqLength,
    samples: samples.size,
    counts: opened.counts,
    tokens: spreadOf(samples.lengths),
    targetTokens: spreadOf(samples.targets),
    packing: packingOf(samples, maxSeqLength),
    notes: [
      ...(maxSeqLength < asked.maxSeqLength
        ? [
            `max_seq_length ${asked.maxSeqLength} is above what the model takes; using ${maxSeqLength}`,
          ]
        : []),
      ...opened.notes,
    ],
    shown: await Promise.all(first.map((sample) => shownSample(samples, sample, tokenizer))),
  };
}

function packingOf(
  { size, lengths, ids }: CausalSamples,
  rowTokens: number,
): Inspection['packing'] {
  const order = Array.from({ length: size }, (_, sample) => sample);
  const rows = packSamples(lengths, { rowTokens, order });
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  return {
    rows: rows.length,
    paddedShare: paddedShare(rows, rowTokens),
    unpackedPaddedShare: 1 - ids.length / (size * longest),
  };
}

async function shownSample(
  samples: CausalSamples,
  sample: number,
  tokenizer: SpanTokenizer,
): Promise<ShownSample> {
  const [from, to] = boundsOf(samples, sample);
  const runs: { learned: boolean; ids: number[] }[] = [];
  for (let at = from; at < to; at++) {
    const learned = isTarget(samples, at, from);
    if (runs.at(-1)?.learned !== learned) runs.push({ learned, ids: [] });
    runs.at(-1)?.ids.push(samples.ids[at] ?? 0);
  }
  const parts = runs.map(async ({ learned, ids }): Promise<ShownPart> => ({
    learned,
    text: await tokenizer.decode(ids),
    ids,
    tokens: ids.map((id) => tokenizer.tokenOf(id) ?? ''),
  }));
  return {
    row: (samples.rows[sample] ?? 0) + 1,
    tokens: to - from,
    targetTokens: samples.targets[sample] ?? 0,
    parts: await Promise.all(parts),
  };
}
