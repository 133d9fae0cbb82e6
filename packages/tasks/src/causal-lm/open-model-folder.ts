/** What a model folder says of texts: its tokenizer, its chat template, and what the model can take. */
import { loadSpanTokenizer, type SpanTokenizer } from '@microtune/data';
import { MicrotuneError } from '@microtune/shared';
import { loadChatTemplate } from '../chat/chat-template.js';
import type { SampleSource } from './encode-samples.js';
import { readModelLimits } from './model-limits.js';

export interface FolderOptions {
  /** Tokens of a sample at most. */
  readonly maxSeqLength: number;
  /** A template file in place of the model folder's. */
  readonly chatTemplate?: string | undefined;
  /** The day, e.g. 2026-11-28, for templates that write one: another day, other tokens. */
  readonly templateDate?: string | undefined;
}

export interface OpenedModelFolder {
  readonly source: Omit<SampleSource, 'files'>;
  /** The length asked for, or what the model takes if that is less. */
  readonly maxSeqLength: number;
}

/** @throws MicrotuneError `data` for missing or broken files; `usage` for a template that writes the date where none is given */
export async function openModelFolder(
  folder: string,
  { maxSeqLength, chatTemplate, templateDate }: FolderOptions,
): Promise<OpenedModelFolder> {
  const limits = await readModelLimits(folder);
  const tokenizer = await loadSpanTokenizer(folder);
  const today = dayOf(templateDate ?? '1970-01-01');
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
    maxSeqLength: Math.min(maxSeqLength, limits.maxPositions ?? Infinity),
  };
}

/**
 * Noon: the day is the same in every time zone that the process may be in.
 * @param templateDate e.g. 2026-11-28
 * @throws MicrotuneError `usage` for what is no day
 */
export function dayOf(templateDate: string): Date {
  const day = new Date(`${templateDate}T12:00:00`);
  if (!Number.isNaN(day.getTime())) return day;
  throw new MicrotuneError('usage', `template_date: expected e.g. 2026-11-28, got ${templateDate}`);
}

/** Any token will do: no prediction that counts looks at padding. */
export function padTokenOf({
  specialTokens,
  idOf,
}: Pick<SpanTokenizer, 'specialTokens' | 'idOf'>): number {
  const token = specialTokens['pad_token'] ?? specialTokens['eos_token'];
  return (token === undefined ? undefined : idOf(token)) ?? 0;
}
