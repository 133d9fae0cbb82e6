/**
 * `microtune predict <run folder>`: JSON lines in (standard input or a file), one JSON line out for each, in order. A
 * line that cannot be used gives an error record, and the rest goes on. Answers go out as soon as the lines that came
 * together are done; when the reader of our output goes away, so do we, quietly.
 */
import type { Readable, Writable } from 'node:stream';
import type { RowAnswer } from '@microtune/inference';
import type { RowSource } from '@microtune/data';
import type { CommandInput } from '../command.js';
import { predictOptions } from '../command-list.js';
import { parseOptions } from '../config/parse-options.js';
import { openPlacedModel } from '../inference/open-placed-model.js';

export async function run({
  values,
  positional: folder,
  environment,
}: CommandInput): Promise<number> {
  const options = parseOptions(predictOptions, values);
  const onNote = (note: string): void => void environment.stderr.write(`note: ${note}\n`);
  await using model = await openPlacedModel(folder ?? '', { ...environment, ...options, onNote });
  const groups = model.predictRows(sourceOf(options.file, environment.stdin), {
    ...options,
    maxGroupRows: options.batchSize,
    onNote,
  });
  for await (const answers of groups) {
    if (!(await writeLines(environment.stdout, answers))) break;
  }
  return 0;
}

function sourceOf(file: string | undefined, stdin: Readable): RowSource {
  return file === undefined
    ? { bytes: stdin as AsyncIterable<Uint8Array>, name: 'standard input' }
    : { file };
}

/** Waits until the reader has taken the lines. @returns false when nobody reads any more */
async function writeLines(output: Writable, answers: readonly RowAnswer[]): Promise<boolean> {
  const text = answers.map((answer) => `${JSON.stringify(answer)}\n`).join('');
  if (output.destroyed) return false;
  return new Promise((resolve) => output.write(text, (error) => resolve(!error)));
}
