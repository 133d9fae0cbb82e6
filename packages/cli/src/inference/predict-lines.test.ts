import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineSplitter } from './line-splitter.js';
import { predictLines, type PredictLinesOptions } from './predict-lines.js';
import type { TextRow } from './prediction-input.js';

const encoder = new TextEncoder();

/** Bytes cut at arbitrary places, as a pipe would. */
const pieces = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const places = [
    0,
    ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ];
  return places.slice(1).map((end, at) => bytes.subarray(places[at], end));
};

const collect = async (
  options: Partial<PredictLinesOptions> & { chunks: readonly Uint8Array[] },
) => {
  const batches: number[] = [];
  const echo = (rows: readonly TextRow[]) => {
    batches.push(rows.length);
    return Promise.resolve(
      rows.map((row) => ({
        label: row.pair === undefined ? row.text : `${row.text}|${row.pair}`,
        score: 1,
      })),
    );
  };
  const input = (async function* () {
    yield* options.chunks;
  })();
  const records = [];
  for await (const batch of predictLines({
    input,
    predict: echo,
    columns: undefined,
    batchSize: 4,
    ...options,
  })) {
    records.push(...batch);
  }
  return { records, batches };
};

describe('lineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.array(fc.nat(200)),
        (texts, cuts) => {
          const lines = texts.map((text) => text.replace(/[\r\n]/g, ' '));
          const splitter = lineSplitter();
          const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(''));
          const got = [
            ...pieces(bytes, cuts).flatMap((piece) => splitter.push(piece)),
            ...splitter.end(),
          ];
          // A byte order mark at the start of a line is dropped by the decoder.
          expect(got).toEqual(lines.map((line) => ({ text: line.replace(/^\uFEFF/, '') })));
        },
      ),
    );
  });

  it('takes Windows line ends and a last line without end, and spoils one line only by bad UTF-8', () => {
    const splitter = lineSplitter();
    const bytes = Buffer.concat([
      encoder.encode('a\r\n'),
      Buffer.from([0xff, 0x0a]),
      encoder.encode('b'),
    ]);
    expect([...splitter.push(bytes), ...splitter.end()]).toEqual([
      { text: 'a' },
      { problem: 'not valid UTF-8' },
      { text: 'b' },
    ]);
  });
});

describe('predictLines', () => {
  it('keeps order and answers rubbish with an error record of that line', async () => {
    const text =
      '{"text":"a"}\nrubbish\n\n"b"\n{"sentence1":"c","sentence2":"d"}\n{"other":1}\n{"text":7}\n';
    const { records } = await collect({ chunks: [encoder.encode(text)] });
    expect(records).toEqual([
      { label: 'a', score: 1 },
      { line: 2, error: 'not JSON; expected an object such as {"text": "…"}' },
      { line: 3, error: 'empty line' },
      { label: 'b', score: 1 },
      { label: 'c|d', score: 1 },
      { line: 6, error: 'no text: expected one of the keys text, sentence1, sentence' },
      { line: 7, error: 'text must be a string' },
    ]);
  });

  it('prefers the columns of the run, and still takes text', async () => {
    const text = '{"review":"a","text":"no"}\n{"text":"b"}\n';
    const { records } = await collect({ chunks: [encoder.encode(text)], columns: ['review'] });
    expect(records).toEqual([
      { label: 'a', score: 1 },
      { label: 'b', score: 1 },
    ]);
  });

  it('answers what has come before the next bytes come, in batches', async () => {
    const line = (n: number) => `{"text":"${n}"}\n`;
    const first = [0, 1, 2, 3, 4].map(line).join('');
    const { records, batches } = await collect({
      chunks: [encoder.encode(first), encoder.encode(line(5))],
    });
    expect(batches).toEqual([4, 1, 1]);
    expect(records.map((record) => ('label' in record ? record.label : ''))).toEqual([
      '0',
      '1',
      '2',
      '3',
      '4',
      '5',
    ]);
  });
});
