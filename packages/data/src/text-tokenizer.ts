/**
 * Texts to token ids with the native HuggingFace tokenizers library. Whatever truncation and padding tokenizer.json
 * carries is switched off: rows are cut to `maxSeqLength` here (pairs longest first, as `truncation=True` in
 * transformers) and padded only when a batch is made.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Tokenizer } from 'tokenizers';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { bertTokenizerJson } from './bert-tokenizer.js';
import { parseJsonObject } from './json-object.js';
import type { BertTokenizerConfig } from './bert-tokenizer.js';
import { cutAtSpace, endsWordsAtSpaces } from './cut-long-text.js';
import type { Texts } from './columns.js';

export interface Encoded {
  readonly ids: readonly number[];
  /** 0 for the first text, 1 for the second. */
  readonly typeIds: readonly number[];
  /** There were more tokens than fit. */
  readonly isCut: boolean;
}

export interface TextTokenizer {
  /** Tokens a row can have at most: the configured length, or what the model takes if that is less. */
  readonly maxSeqLength: number;
  readonly padTokenId: number;
  /** Of everything that decides the ids: files, truncation. */
  readonly contentHash: string;
  /** Token ids of texts or pairs, special tokens included, truncated, not padded. */
  encode(texts: readonly Texts[]): Promise<Encoded[]>;
}

interface TokenizerConfig extends BertTokenizerConfig {
  readonly model_max_length?: number;
  readonly truncation_side?: 'left' | 'right';
  readonly pad_token?: string | { content: string } | null;
}

/**
 * @param folder model folder with tokenizer.json or vocab.txt, and perhaps tokenizer_config.json
 * @param maxSeqLength tokens per row after truncation, special tokens counted
 * @throws MicrotuneError `data` when a file is missing or broken; `usage` when no text fits into `maxSeqLength`
 */
export async function loadTextTokenizer(
  folder: string,
  maxSeqLength: number,
): Promise<TextTokenizer> {
  const config = await readConfig(join(folder, 'tokenizer_config.json'));
  const { json, file } = await readDefinition(folder, config);
  const tokenizer = parseTokenizer(json, file);
  tokenizer.disablePadding();
  tokenizer.disableTruncation();
  const limit = Math.min(maxSeqLength, config.model_max_length ?? maxSeqLength);
  const specialTokens = (await tokenizer.encode('', '')).getLength();
  if (limit <= specialTokens) {
    throw new MicrotuneError(
      'usage',
      `max_seq_length ${limit} leaves no room for text: the tokenizer adds up to ${specialTokens} special tokens`,
    );
  }
  const direction = config.truncation_side ?? 'right';
  tokenizer.setTruncation(limit, { direction });
  const padToken =
    typeof config.pad_token === 'object' ? config.pad_token?.content : config.pad_token;
  return {
    maxSeqLength: limit,
    padTokenId: tokenizer.tokenToId(padToken ?? '[PAD]') ?? 0,
    contentHash: createHash('sha256').update(`${limit} ${direction} ${json}`).digest('hex'),
    encode:
      direction === 'right' && endsWordsAtSpaces(JSON.parse(json))
        ? (texts) => encodeCut(tokenizer, texts, limit)
        : (texts) => encodeTexts(tokenizer, texts, limit),
  };
}

/** The same tokens, without reading to the end of texts that are far longer. Pairs are read whole: which of two is cut depends on both lengths. */
async function encodeCut(
  tokenizer: Tokenizer,
  texts: readonly Texts[],
  limit: number,
): Promise<Encoded[]> {
  const cut = texts.map(({ first, second }) => {
    const start = second === undefined ? cutAtSpace(first, limit) : undefined;
    return start === undefined ? undefined : { first: start, second };
  });
  const encodings = await encodeTexts(
    tokenizer,
    texts.map((text, row) => cut[row] ?? text),
    limit,
  );
  // A start that fits into the row says nothing about what comes after it.
  const again = [...encodings.keys()].filter(
    (row) => cut[row] !== undefined && encodings[row]?.isCut === false,
  );
  if (again.length === 0) return encodings;
  const whole = await encodeTexts(
    tokenizer,
    again.flatMap((row) => texts[row] ?? []),
    limit,
  );
  again.forEach((row, i) => {
    const encoded = whole[i];
    if (encoded !== undefined) encodings[row] = encoded;
  });
  return encodings;
}

async function encodeTexts(
  tokenizer: Tokenizer,
  texts: readonly Texts[],
  limit: number,
): Promise<Encoded[]> {
  try {
    // The library's batch call takes single texts only; pairs go one by one into its thread pool.
    const encodings = texts.some((text) => text.second !== undefined)
      ? await Promise.all(texts.map(({ first, second }) => tokenizer.encode(first, second)))
      : await tokenizer.encodeBatch(texts.map((text) => text.first));
    return encodings.map((encoding) => {
      const ids = encoding.getIds();
      // Of others nothing was cut, and asking costs a little.
      const isCut = ids.length >= limit && encoding.getOverflowing().length > 0;
      return { ids, typeIds: encoding.getTypeIds(), isCut };
    });
  } catch (cause) {
    throw new MicrotuneError('data', `the tokenizer failed: ${messageOf(cause)}`, { cause });
  }
}

function parseTokenizer(json: string, file: string): Tokenizer {
  try {
    return Tokenizer.fromString(json);
  } catch (cause) {
    throw new MicrotuneError('data', `${file}: broken tokenizer: ${messageOf(cause)}`, { cause });
  }
}

async function readDefinition(
  folder: string,
  config: TokenizerConfig,
): Promise<{ json: string; file: string }> {
  const file = join(folder, 'tokenizer.json');
  const json = await readIfThere(file);
  if (json !== undefined) return { json, file };
  const vocabularyFile = join(folder, 'vocab.txt');
  const vocabulary = await readIfThere(vocabularyFile);
  if (vocabulary !== undefined) {
    return { json: bertTokenizerJson(vocabulary, config, vocabularyFile), file: vocabularyFile };
  }
  throw new MicrotuneError('data', `${folder}: no tokenizer; expected tokenizer.json or vocab.txt`);
}

async function readConfig(file: string): Promise<TokenizerConfig> {
  const text = await readIfThere(file);
  return text === undefined ? {} : (parseJsonObject(text, file) as TokenizerConfig);
}

/** @throws MicrotuneError `data` when the file is there but cannot be read */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new MicrotuneError('data', `${file}: cannot be read: ${messageOf(cause)}`, { cause });
  }
}
