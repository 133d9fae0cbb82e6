/**
 * A JSON array of rows, `[{…}, {…}]`, cut into its elements without being read as a whole: memory follows the longest
 * row, not the file. Brackets, commas and quotes are single bytes in UTF-8 and part of no other character, so bytes are
 * looked at; whether an element is JSON is for JSON.parse to say.
 */
import { openBytes } from './read-text.js';
import { dataError } from './row.js';
import type { MicrotuneError } from '@microtune/shared';

/** Of an array, as it stands in the file. */
export interface JsonElement {
  readonly bytes: Uint8Array;
  /** On which it begins, 1-based. */
  readonly line: number;
}

/** A longer row is taken for a bracket or quote that nobody closed. */
export const maxElementBytes = 64 * 1024 * 1024;

const [lineFeed, quote, comma, backslash] = [...'\n",\\'].map((each) => each.charCodeAt(0));
const squareClosing = ']'.charCodeAt(0);
const opening: ReadonlySet<number> = new Set([...'[{'].map((each) => each.charCodeAt(0)));
const closing: ReadonlySet<number> = new Set([...']}'].map((each) => each.charCodeAt(0)));
const spaces: ReadonlySet<number> = new Set([...' \t\r\n'].map((each) => each.charCodeAt(0)));
const byteOrderMark = Uint8Array.of(0xef, 0xbb, 0xbf);

/** Whether the first byte of a file that is neither white space nor a byte order mark opens an array. */
export async function holdsJsonArray(file: string): Promise<boolean> {
  for await (const chunk of await openBytes(file)) {
    const first = chunk.find((byte) => !spaces.has(byte) && !byteOrderMark.includes(byte));
    if (first !== undefined) return first === '['.charCodeAt(0);
  }
  return false;
}

/**
 * The elements of the one array of a file, as many at once as end in a chunk.
 * @throws MicrotuneError `data` naming file and line for an array that does not close, something behind it, an empty element,
 *   or one longer than `maxElementBytes`
 */
export async function* splitJsonArray(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<JsonElement[]> {
  const array = new ArraySplitter(file);
  for await (const chunk of chunks) yield array.add(chunk);
  array.end();
}

class ArraySplitter {
  readonly #file: string;
  #line = 1;
  /** Open brackets: 1 between the elements of the array. */
  #depth = 0;
  #hasClosed = false;
  #inString = false;
  #isEscaped = false;
  #elements = 0;
  /** What came of the current element in earlier chunks. */
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Of the current element; undefined before its first byte. */
  #elementLine: number | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  add(chunk: Uint8Array): JsonElement[] {
    const found: JsonElement[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (this.#inString) at = this.#passString(chunk, at);
      if (at === chunk.length) break;
      const byte = chunk[at] ?? 0;
      if (byte === lineFeed) this.#line++;
      if (spaces.has(byte)) continue;
      if (this.#depth === 0) {
        if (this.#open(byte)) start = at + 1;
        continue;
      }
      if (this.#depth === 1 && (byte === comma || closing.has(byte))) {
        const isLast = byte !== comma;
        if (isLast && byte !== squareClosing) throw this.#error('expected ] or a row, found }');
        const element = this.#element(chunk.subarray(start, at), isLast);
        if (element !== undefined) found.push(element);
        start = at + 1;
        if (isLast) [this.#depth, this.#hasClosed] = [0, true];
        continue;
      }
      this.#elementLine ??= this.#line;
      if (byte === quote) this.#inString = true;
      else if (opening.has(byte)) this.#depth++;
      else if (closing.has(byte)) this.#depth--;
    }
    if (this.#depth > 0) this.#hold(chunk.subarray(start));
    return found;
  }

  end(): void {
    if (this.#hasClosed) return;
    const line = this.#elementLine ?? this.#line;
    throw dataError(this.#file, line, 'the JSON array is not closed: expected ] or a row');
  }

  /** @returns whether the array begins here */
  #open(byte: number): boolean {
    if (this.#hasClosed) throw this.#error('expected nothing behind the JSON array');
    if (byteOrderMark.includes(byte)) return false;
    this.#depth = 1;
    return true;
  }

  /** @returns where the string ends, behind its quote; the end of the chunk where it goes on */
  #passString(chunk: Uint8Array, from: number): number {
    let isEscaped = this.#isEscaped;
    let at = from;
    while (this.#inString && at < chunk.length) {
      const byte = chunk[at++];
      if (byte === lineFeed) this.#line++;
      if (isEscaped) isEscaped = false;
      else if (byte === backslash) isEscaped = true;
      else if (byte === quote) this.#inString = false;
    }
    this.#isEscaped = isEscaped;
    return at;
  }

  /** @returns undefined for an array without elements */
  #element(end: Uint8Array, isLast: boolean): JsonElement | undefined {
    const line = this.#elementLine;
    if (line === undefined) {
      if (isLast && this.#elements === 0) return undefined;
      throw this.#error('a comma too many: expected a row of the JSON array');
    }
    this.#hold(end);
    const bytes = Buffer.concat(this.#held);
    this.#elements++;
    [this.#held, this.#heldBytes, this.#elementLine] = [[], 0, undefined];
    return { bytes, line };
  }

  #error(message: string): MicrotuneError {
    return dataError(this.#file, this.#line, message);
  }

  #hold(bytes: Uint8Array): void {
    // White space between elements is nobody's.
    if (this.#elementLine === undefined) return;
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes <= maxElementBytes) return;
    throw dataError(
      this.#file,
      this.#elementLine,
      `a row of the JSON array is longer than ${maxElementBytes / 1024 ** 2} MiB: is a bracket or quote not closed?`,
    );
  }
}
