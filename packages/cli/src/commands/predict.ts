/**
 * `microtune predict <run folder>`: lines in (standard input or a file), one JSON line out for each, in order, with the
 * number of its line. A line that cannot be used gives an error record, and the rest goes on. Answers go out as soon as
 * the lines that came together are done; when the reader of our output goes away, so do we, quietly.
 */
import type { Readable, Writable } from 'node:stream';
import type { RowSource } from '@microtune/data';
import type { RowAnswer } from '@microtune/inference';
import { MicrotuneError } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { predictOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import { openPlacedModel } from '../inference/open-placed-model.js';
import { counted } from '../output/format.js';

export async function run({
  values,
  positional: folder,
  environment,
}: CommandInput): Promise<number> {
  const options = parseOptions(predictOptions, values);
  const onNote = (note: string): void => void environment.stderr.write(`note: ${note}\n`);
  await using model = await openPlacedModel(folder ?? '', { ...environment, ...options, onNote });
  if (model.kind === 'language') {
    throw new MicrotuneError(
      'usage',
      `${folder} holds a language model, whose answers predict does not give yet; microtune eval gives its loss, ` +
        'perplexity and accuracy',
    );
  }
  const groups = model.predictRows(sourceOf(options.file, environment.stdin), {
    ...options,
    maxGroupRows: options.batchSize,
    onNote,
  });
  const tally = new Tally();
  for await (const answers of groups) {
    tally.add(answers);
    if (!(await writeLines(environment.stdout, answers))) return 0;
  }
  tally.requireAnswer();
  if (tally.note !== undefined) onNote(tally.note);
  return 0;
}

/** How many lines had no answer. */
class Tally {
  #lines = 0;
  #failed = 0;
  #firstError = '';

  add(answers: readonly RowAnswer[]): void {
    for (const { error } of answers) {
      this.#lines++;
      if (error === undefined) continue;
      if (this.#failed++ === 0) this.#firstError = error;
    }
  }

  /** @throws MicrotuneError `data` when there were lines and none had an answer */
  requireAnswer(): void {
    if (this.#lines === 0 || this.#failed < this.#lines) return;
    const what = this.#lines === 1 ? 'the line has' : `none of ${counted(this.#lines, 'line')} has`;
    throw new MicrotuneError('data', `${what} an answer: ${this.#firstError}`);
  }

  get note(): string | undefined {
    if (this.#failed === 0) return undefined;
    const of = counted(this.#lines, 'line');
    return `${this.#failed} of ${of} have no answer; the first: ${this.#firstError}`;
  }
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
