/**
 * The stream of `predict`: one record out for every line in, in order. Lines that come together are classified
 * together, in batches of at most `batchSize`; a line is never held back for later ones, so a person typing gets an
 * answer at once. A line that cannot be read becomes an error record and the stream goes on.
 */
import type { Prediction } from './predictor.js';
import { lineSplitter, type Line } from './line-splitter.js';
import { parseRow, type ParsedRow, type TextRow } from './prediction-input.js';

export type PredictionRecord = Prediction | { readonly line: number; readonly error: string };

export interface PredictLinesOptions {
  readonly input: AsyncIterable<Uint8Array>;
  /** Classifies rows together; as many predictions as rows, in order. */
  readonly predict: (rows: readonly TextRow[]) => Promise<readonly Prediction[]>;
  readonly columns: readonly string[] | undefined;
  readonly batchSize: number;
}

/** Batches of records, in the order of the lines. */
export async function* predictLines(
  options: PredictLinesOptions,
): AsyncGenerator<readonly PredictionRecord[]> {
  const splitter = lineSplitter();
  let lineNumber = 1;
  const batches = async function* (
    lines: readonly Line[],
  ): AsyncGenerator<readonly PredictionRecord[]> {
    for (let at = 0; at < lines.length; at += options.batchSize) {
      const batch = lines.slice(at, at + options.batchSize);
      yield await predictBatch(batch, lineNumber, options);
      lineNumber += batch.length;
    }
  };
  for await (const bytes of options.input) yield* batches(splitter.push(bytes));
  yield* batches(splitter.end());
}

async function predictBatch(
  lines: readonly Line[],
  firstLine: number,
  { predict, columns }: PredictLinesOptions,
): Promise<readonly PredictionRecord[]> {
  const parsed = lines.map((line): ParsedRow =>
    'text' in line ? parseRow(line.text, columns) : line,
  );
  const rows = parsed.flatMap((line) => ('row' in line ? [line.row] : []));
  const predictions = (rows.length === 0 ? [] : await predict(rows))[Symbol.iterator]();
  return parsed.map((line, at): PredictionRecord => {
    if ('problem' in line) return { line: firstLine + at, error: line.problem };
    return predictions.next().value as Prediction;
  });
}
