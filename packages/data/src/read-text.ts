/**
 * Bytes to text and lines, strictly UTF-8: a bad byte is an error that names file and line, never a replacement
 * character that would be trained on. A byte order mark at the start is dropped.
 */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dataError } from './row.js';
import { messageOf } from '@microtune/shared';

const lineFeed = 10;
const chunkBytes = 256 * 1024;

export interface Line {
  readonly text: string;
  /** 1-based. */
  readonly number: number;
}

/** @throws MicrotuneError `data` when `file` cannot be read, is a folder, or has no bytes */
export async function checkDataFile(file: string): Promise<void> {
  const info = await stat(file).catch((cause: unknown) => {
    throw dataError(
      file,
      undefined,
      `data file not found or not readable (${messageOf(cause)})`,
      cause,
    );
  });
  if (info.isDirectory()) throw dataError(file, undefined, 'is a folder, expected a data file');
  if (info.size === 0) throw dataError(file, undefined, 'the file is empty');
}

/** The bytes of a file as a stream. @throws MicrotuneError `data` as `checkDataFile` */
export async function openBytes(file: string): Promise<AsyncIterable<Uint8Array>> {
  await checkDataFile(file);
  return createReadStream(file, { highWaterMark: chunkBytes });
}

/** Decodes whole lines. @param bytes ends with a line feed, or is the last of the file */
function decodeLines(bytes: Uint8Array, place: { file: string; line: number }): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: place.line !== 1 }).decode(bytes);
  } catch (cause) {
    throw dataError(
      place.file,
      badLine(bytes, place.line),
      'invalid UTF-8 (save the file as UTF-8)',
      cause,
    );
  }
}

function badLine(bytes: Uint8Array, firstLine: number): number {
  let line = firstLine;
  for (let start = 0; start < bytes.length; line++) {
    const feed = bytes.indexOf(lineFeed, start);
    const end = feed === -1 ? bytes.length : feed + 1;
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end));
    } catch {
      return line;
    }
    start = end;
  }
  return line;
}

function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(lineFeed); at !== -1; at = bytes.indexOf(lineFeed, at + 1)) count++;
  return count;
}

/** Bytes that end at a line end (the last piece may not), and the number of their first line. */
interface Piece {
  readonly bytes: Uint8Array;
  readonly line: number;
}

/** A piece holds all the lines that came in one chunk, so a slow source (a pipe) is passed on as it comes. */
async function* readPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  let held: Uint8Array[] = [];
  let line = 1;
  for await (const chunk of chunks) {
    const feed = chunk.lastIndexOf(lineFeed);
    if (feed === -1) {
      held.push(chunk);
      continue;
    }
    const bytes = Buffer.concat([...held, chunk.subarray(0, feed + 1)]);
    held = feed + 1 < chunk.length ? [chunk.subarray(feed + 1)] : [];
    yield { bytes, line };
    line += countLines(bytes);
  }
  if (held.length > 0) yield { bytes: Buffer.concat(held), line };
}

/**
 * Text in pieces of whole lines, each with the number of its first line.
 * @param file name for messages
 * @throws MicrotuneError `data` for bytes that are not UTF-8
 */
export async function* readText(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Line> {
  for await (const { bytes, line } of readPieces(chunks)) {
    yield { text: decodeLines(bytes, { file, line }), number: line };
  }
}

/** Lines as they come, one array for each chunk of the source; a line that is not UTF-8 has no `text`. */
export async function* readLenientLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ text: string | undefined; number: number }[]> {
  for await (const { bytes, line } of readPieces(chunks)) {
    if (isUtf8(bytes)) {
      yield splitLines({ text: new TextDecoder().decode(bytes), number: line });
    } else {
      // Latin-1 keeps line ends and positions, so the lines can be cut before each is decoded.
      const raw = splitLines({ text: Buffer.from(bytes).toString('latin1'), number: line });
      yield raw.map(({ text, number }) => {
        const own = Buffer.from(text, 'latin1');
        return { text: isUtf8(own) ? own.toString('utf8') : undefined, number };
      });
    }
  }
}

/** The lines of one piece of `readText`, without their line ends (LF or CR LF). */
export function splitLines(piece: Line): Line[] {
  const parts = piece.text.split('\n');
  if (parts.at(-1) === '') parts.pop();
  return parts.map((part, index) => ({
    text: part.endsWith('\r') ? part.slice(0, -1) : part,
    number: piece.number + index,
  }));
}
