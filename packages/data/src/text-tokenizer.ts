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
import { z } from 'zod';
import { bertTokenizerJson } from './bert-tokenizer.js';
import { parseJsonObject } from './json-object.js';
import { keptJson } from './kept-json.js';
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
  /** Tokens of a row without any text: the special tokens. */
  readonly blankTokens: { readonly single: number; readonly pair: number };
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

/** Raised when `TokenizerFacts` means something else. */
const factsVersion = 1;

/** All that is asked of a tokenizer before it is given a text: once known, it is not even parsed until then. */
const factsSchema = z.object({
  padTokenId: z.number().int(),
  blankTokens: z.object({ single: z.number().int(), pair: z.number().int() }),
  endsWordsAtSpaces: z.boolean(),
});
type TokenizerFacts = z.infer<typeof factsSchema>;

/**
 * @param folder model folder with tokenizer.json or vocab.txt, and perhaps tokenizer_config.json
 * @param maxSeqLength tokens per row after truncation, special tokens counted
 * @param cacheFolder where facts of the tokenizer are kept; undefined keeps nothing
 * @throws MicrotuneError `data` when a file is missing or broken; `usage` when no text fits into `maxSeqLength`
 */
export async function loadTextTokenizer(
  folder: string,
  maxSeqLength: number,
  cacheFolder?: string,
): Promise<TextTokenizer> {
  const config = await readConfig(join(folder, 'tokenizer_config.json'));
  const { json, file } = await readDefinition(folder, config);
  const limit = Math.min(maxSeqLength, config.model_max_length ?? maxSeqLength);
  const direction = config.truncation_side ?? 'right';
  let parsed: Tokenizer | undefined;
  const tokenizer = (): Tokenizer => {
    parsed ??= parseTokenizer(json, file);
    parsed.disablePadding();
    parsed.disableTruncation();
    return parsed;
  };
  const facts = await keptFacts(cacheFolder, { json, padToken: padTokenOf(config) }, tokenizer);
  const { padTokenId, blankTokens, endsWordsAtSpaces } = facts;
  if (limit <= blankTokens.pair) {
    throw new MicrotuneError(
      'usage',
      `max_seq_length ${limit} leaves no room for text: the tokenizer adds up to ${blankTokens.pair} special tokens`,
    );
  }
  let ready: Tokenizer | undefined;
  const encode = direction === 'right' && endsWordsAtSpaces ? encodeCut : encodeTexts;
  return {
    maxSeqLength: limit,
    padTokenId,
    blankTokens,
    contentHash: createHash('sha256').update(`${limit} ${direction} ${json}`).digest('hex'),
    encode: async (texts) => {
      if (ready === undefined) {
        ready = tokenizer();
        ready.setTruncation(limit, { direction });
      }
      return encode(ready, texts, limit);
    },
  };
}

function padTokenOf({ pad_token: token }: TokenizerConfig): string {
  return (typeof token === 'object' ? token?.content : token) ?? '[PAD]';
}

async function keptFacts(
  cacheFolder: string | undefined,
  { json, padToken }: { json: string; padToken: string },
  tokenizer: () => Tokenizer,
): Promise<TokenizerFacts> {
  const kept =
    cacheFolder === undefined ? undefined : keptJson(join(cacheFolder, 'tokenizers'), factsSchema);
  const identity = [factsVersion, createHash('sha256').update(json).digest('hex'), padToken];
  const known = kept?.read(identity);
  if (known !== undefined) return known;
  const parsed = tokenizer();
  const facts = {
    padTokenId: parsed.tokenToId(padToken) ?? 0,
    blankTokens: {
      single: (await parsed.encode('')).getLength(),
      pair: (await parsed.encode('', '')).getLength(),
    },
    endsWordsAtSpaces: endsWordsAtSpaces(JSON.parse(json)),
  };
  kept?.write(identity, facts);
  return facts;
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
