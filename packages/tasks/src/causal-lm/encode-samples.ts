/**
 * Files to samples: rows read, written as texts, tokenized as a whole, marked with what is learned, and kept as columns.
 *
 * - A document, or a completion that continues a prompt, ends with the end token, which is learned as any other: it is marked here
 *   by where it stands, never by its id, so a padding token of the same id changes nothing.
 * - A rendered conversation has the begin and end tokens its template writes, and no others.
 * - What stands behind the last learned token, a template's last newline, is left away: nothing that counts looks at it.
 * - What is longer than a sample may be is cut or left out; documents go on in the next sample instead.
 */
import {
  dataError,
  readRows,
  type Row,
  type SpanTokenizer,
  type TokenSpans,
} from '@microtune/data';
import { MicrotuneError, assert } from '@microtune/shared';
import type { ChatTemplate } from '../chat/chat-template.js';
import { findDataForm, formText, type DataForm, type FormOptions } from './data-form.js';
import { createDuplicateCounter } from './duplicates.js';
import { readExample, type Example, type LossOn } from './example.js';
import { learnedTokens } from './learned-tokens.js';
import { SampleCollector, type CollectedSample } from './sample-collector.js';
import { noCounts, type SampleCounts } from './sample-counts.js';
import type { CausalSamples } from './samples.js';

export interface EncodeOptions extends FormOptions {
  /** Names of the columns of a csv or tsv file without a header line. */
  readonly columnNames?: readonly string[] | undefined;
  /** @default 'completion', and every token of documents */
  readonly lossOn?: LossOn | undefined;
  /** Tokens of a sample at most. */
  readonly maxSeqLength: number;
  /** What happens to a longer row that is no document. @default 'cut' */
  readonly longRows?: 'cut' | 'drop' | undefined;
}

export interface SampleSource {
  readonly files: readonly string[];
  readonly tokenizer: SpanTokenizer;
  /** Of the model folder; undefined where it has none. */
  readonly template: ChatTemplate | undefined;
  /** Rows of the model's table of embeddings; undefined: not checked. */
  readonly vocabularySize?: number | undefined;
}

export interface EncodedSamples {
  readonly samples: CausalSamples;
  readonly counts: SampleCounts;
  /** Of the first file. */
  readonly form: DataForm;
}

/** Rows given to the tokenizer at once: enough for its threads, little enough to keep memory flat. */
const rowsPerCall = 512;

/**
 * @throws MicrotuneError `data` naming file and row of the first thing that is wrong, or when nothing is left to learn; `usage` for
 *   options that contradict each other
 */
export async function encodeSamples(
  source: SampleSource,
  options: EncodeOptions,
): Promise<EncodedSamples> {
  const encoder = new Encoder(source, options);
  let waiting: Waiting[] = [];
  let form: DataForm | undefined;
  let firstForm: DataForm | undefined;
  let file: string | undefined;
  const { controlTokens } = source.tokenizer;
  const { lossOn = 'completion' } = options;
  for await (const row of readRows(source.files, options)) {
    if (row.file !== file || form === undefined) {
      form = findDataForm(row, options);
      checkLossOn(form, options.lossOn, row);
      firstForm ??= form;
      file = row.file;
    }
    const example = readExample(row, { form, lossOn, controlTokens, template: source.template });
    waiting.push({ row, example, isDocument: form.kind === 'text' });
    if (waiting.length < rowsPerCall) continue;
    await encoder.add(waiting);
    waiting = [];
  }
  await encoder.add(waiting);
  assert(firstForm, 'files without rows');
  return { ...encoder.finish(source.files), form: firstForm };
}

/** @throws MicrotuneError `usage` for completions where there are none */
function checkLossOn(form: DataForm, lossOn: LossOn | undefined, { file }: Row): void {
  if (form.kind !== 'text' || lossOn !== 'completion') return;
  throw new MicrotuneError(
    'usage',
    `loss_on completion: ${file} is read as ${formText(form)}, which have no completions; leave it out, or give --prompt_column`,
  );
}

interface Waiting {
  readonly row: Row;
  readonly example: Example;
  readonly isDocument: boolean;
}

/** The tokens of a row, marked. */
interface Marked {
  readonly ids: readonly number[];
  readonly flags: Uint8Array;
}

class Encoder {
  readonly #collector = new SampleCollector();
  readonly #isDuplicate = createDuplicateCounter();
  readonly #counts = { ...noCounts };

  readonly #source: SampleSource;
  readonly #options: EncodeOptions;

  constructor(source: SampleSource, options: EncodeOptions) {
    this.#source = source;
    this.#options = options;
  }

  async add(waiting: readonly Waiting[]): Promise<void> {
    const encoded = new Map([
      ...(await this.#encode(waiting, true)),
      ...(await this.#encode(waiting, false)),
    ]);
    for (const each of waiting) this.#take(each, encoded.get(each) ?? { ids: [], places: [] });
  }

  async #encode(
    waiting: readonly Waiting[],
    isRendered: boolean,
  ): Promise<(readonly [Waiting, TokenSpans])[]> {
    const some = waiting.filter(({ example }) => example.isRendered === isRendered);
    const encoded = await this.#source.tokenizer.encode(
      some.map(({ example }) => example.text),
      { addSpecialTokens: !isRendered },
    );
    return encoded.flatMap((tokens, index) => {
      const each = some[index];
      return each === undefined ? [] : [[each, tokens] as const];
    });
  }

  #take({ row, example, isDocument }: Waiting, tokens: TokenSpans): void {
    const at = this.#counts.rows++;
    const { flags, straddling } = learnedTokens(example.text, example.learned, tokens);
    const marked = example.isRendered
      ? { ids: tokens.ids, flags }
      : ended({ ids: tokens.ids, flags }, this.#source.tokenizer);
    this.#checkVocabulary(marked.ids, row);
    this.#counts.openTurns += example.openTurns;
    if (straddling > 0) this.#counts.straddlingSamples++;
    const seen = upTo(marked, marked.flags.lastIndexOf(1) + 1);
    const pieces = isDocument ? this.#blocks(marked) : this.#fitted(seen);
    const isCut = !isDocument && seen.ids.length > this.#options.maxSeqLength;
    const learnable = pieces.filter(hasTarget);
    if (pieces.length > 0 && learnable.length === 0) this.#counts.rowsWithoutTarget++;
    for (const piece of learnable) this.#keep({ ...piece, row: at, isCut });
  }

  #keep(piece: Marked & Pick<CollectedSample, 'row' | 'isCut'>): void {
    if (this.#isDuplicate(piece)) this.#counts.duplicateSamples++;
    this.#counts.tokens += piece.ids.length;
    this.#collector.add(piece);
  }

  /** A document goes on in further samples. */
  #blocks({ ids, flags }: Marked): Marked[] {
    const { maxSeqLength } = this.#options;
    return Array.from({ length: Math.ceil(ids.length / maxSeqLength) }, (_, block) => {
      const [from, to] = [block * maxSeqLength, (block + 1) * maxSeqLength];
      return { ids: ids.slice(from, to), flags: flags.subarray(from, to) };
    });
  }

  #fitted(marked: Marked): Marked[] {
    const { maxSeqLength, longRows = 'cut' } = this.#options;
    const { ids } = marked;
    if (ids.length <= maxSeqLength) return [marked];
    if (longRows === 'drop') {
      this.#counts.droppedRows++;
      this.#counts.lostTokens += ids.length;
      return [];
    }
    this.#counts.cutRows++;
    this.#counts.lostTokens += ids.length - maxSeqLength;
    return [upTo(marked, maxSeqLength)];
  }

  #checkVocabulary(ids: readonly number[], row: Row): void {
    const { vocabularySize, tokenizer } = this.#source;
    if (vocabularySize === undefined) return;
    const beyond = ids.find((id) => id >= vocabularySize);
    if (beyond === undefined) return;
    throw dataError(
      row.file,
      row.line,
      `token ${JSON.stringify(tokenizer.tokenOf(beyond))} has id ${beyond}, but the model has a vocabulary of ${vocabularySize}: ` +
        'tokenizer.json and config.json of the model folder do not belong together',
    );
  }

  finish(files: readonly string[]): Omit<EncodedSamples, 'form'> {
    const samples = this.#collector.finish();
    const targetTokens = samples.targets.reduce((sum, count) => sum + count, 0);
    const counts = { ...this.#counts, targetTokens };
    if (samples.size === 0) throw nothingToLearn(files, counts, this.#options.maxSeqLength);
    return { samples, counts };
  }
}

/** With the end token, unless the text or the tokenizer has put it there; with one begin token, where the text has its own. */
function ended({ ids, flags }: Marked, tokenizer: SpanTokenizer): Marked {
  const { bos_token: bos, eos_token: eos } = tokenizer.specialTokens;
  const begin = bos === undefined ? undefined : tokenizer.idOf(bos);
  const end = eos === undefined ? undefined : tokenizer.idOf(eos);
  const isDoubled = begin !== undefined && ids[0] === begin && ids[1] === begin;
  const from = isDoubled ? 1 : 0;
  if (end === undefined || ids.at(-1) === end) {
    const whole = { ids: ids.slice(from), flags: flags.slice(from) };
    // However it came to the end of the text: the completion is over there.
    if (end !== undefined) whole.flags[whole.flags.length - 1] = 1;
    return whole;
  }
  const marked = new Uint8Array(ids.length - from + 1);
  marked.set(flags.subarray(from));
  marked[marked.length - 1] = 1;
  return { ids: [...ids.slice(from), end], flags: marked };
}

const upTo = ({ ids, flags }: Marked, end: number): Marked => ({
  ids: ids.slice(0, end),
  flags: flags.subarray(0, end),
});

const hasTarget = ({ flags }: Marked): boolean => flags.includes(1, 1);

function nothingToLearn(
  [file = '']: readonly string[],
  { rows, droppedRows, rowsWithoutTarget }: SampleCounts,
  maxSeqLength: number,
): MicrotuneError {
  return dataError(
    file,
    undefined,
    `no row leaves a token to learn: of ${rows}, ${droppedRows} have more than ${maxSeqLength} tokens and were left out, ` +
      `${rowsWithoutTarget} have no counted token within them; raise max_seq_length, or count every token (--loss_on all)`,
  );
}
