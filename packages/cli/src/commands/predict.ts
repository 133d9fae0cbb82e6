/**
 * `microtune predict <run folder>`: lines in (standard input or a file), one JSON line out for each, in order, with the
 * number of its line. A line that cannot be used gives an error record, and the rest goes on. Answers go out as soon as
 * the lines that came together are done; when the reader of our output goes away, so do we, quietly.
 * A language model continues or answers prompts: one of the command line as plain text while it is made, lines as above.
 */
import type { Readable } from 'node:stream';
import type { RowSource } from '@microtune/data';
import type { GenerateOptions, LanguageModel, Model } from '@microtune/inference';
import { MicrotuneError, optionName } from '@microtune/shared';
import type { z } from 'zod';
import type { CommandInput } from '../command.js';
import { generationOptions, predictOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import type { Environment } from '../environment.js';
import { openPlacedModel } from '../inference/open-placed-model.js';
import { writeText } from '../output/write-text.js';
import { Tally } from './tally.js';

type Options = z.output<typeof predictOptions> & { readonly onNote: (note: string) => void };

export async function run({
  values,
  positional: folder,
  environment,
}: CommandInput): Promise<number> {
  const parsed = parseOptions(predictOptions, values);
  const onNote = (note: string): void => void environment.stderr.write(`note: ${note}\n`);
  const options = { ...parsed, onNote };
  if (parsed.prompt !== undefined && parsed.file !== undefined)
    throw new MicrotuneError('usage', '--prompt and --file exclude each other: give one of them');
  // Awaited below: the model is closed when this function is left.
  await using model = await openPlacedModel(folder ?? '', { ...environment, ...options });
  if (model.kind === 'labels') {
    refuseGeneration(values, folder ?? '');
    return await classify(model, options, environment);
  }
  return parsed.prompt === undefined
    ? await answerLines(model, options, environment)
    : await answerPrompt(model, { ...options, prompt: parsed.prompt }, environment);
}

async function classify(
  model: Model,
  { batchSize = 2048, file, onNote, ...options }: Options,
  { stdin, stdout }: Environment,
): Promise<number> {
  const groups = model.predictRows(sourceOf(file, stdin), {
    ...options,
    maxGroupRows: batchSize,
    onNote,
  });
  const tally = new Tally();
  for await (const answers of groups) {
    for (const answer of answers) tally.add(answer);
    if (!(await writeLines(stdout, answers))) return 0;
  }
  tally.requireAnswer();
  if (tally.note !== undefined) onNote(tally.note);
  return 0;
}

async function answerLines(
  model: LanguageModel,
  { file, onNote, ...options }: Options,
  { stdin, stdout }: Environment,
): Promise<number> {
  if (file === undefined && (stdin as { readonly isTTY?: boolean }).isTTY === true)
    throw noPrompt();
  const tally = new Tally();
  for await (const answer of model.generateRows(sourceOf(file, stdin), options)) {
    tally.add(answer);
    if (!(await writeLines(stdout, [answer]))) return 0;
  }
  if (tally.lines === 0) throw noPrompt();
  tally.requireAnswer();
  if (tally.note !== undefined) onNote(tally.note);
  return 0;
}

async function answerPrompt(
  model: LanguageModel,
  { prompt, json, ...options }: Options & { readonly prompt: string },
  { stdout }: Environment,
): Promise<number> {
  const generation = model.generate([prompt], options satisfies GenerateOptions);
  if (json) {
    await writeLines(stdout, await generation);
    return 0;
  }
  for await (const { text } of generation) if (!(await writeText(stdout, text))) return 0;
  await writeText(stdout, '\n');
  return 0;
}

function noPrompt(): MicrotuneError {
  return new MicrotuneError(
    'usage',
    'there is no prompt: give --prompt "…", --file, or JSON lines with a prompt or messages on standard input',
  );
}

/** @throws MicrotuneError `usage` naming the first option that only language models have */
function refuseGeneration(values: CommandInput['values'], folder: string): void {
  const only = ['prompt', 'promptColumn', 'messagesColumn', ...Object.keys(generationOptions)];
  const given = only.find((key) => values[key] !== undefined);
  if (given === undefined) return;
  throw new MicrotuneError(
    'usage',
    `--${optionName(given)} is for language models, and ${folder} holds a model of labels: give it lines to classify, ` +
      'with --file or on standard input',
  );
}

function sourceOf(file: string | undefined, stdin: Readable): RowSource {
  return file === undefined
    ? { bytes: stdin as AsyncIterable<Uint8Array>, name: 'standard input' }
    : { file };
}

/** @returns false when nobody reads any more */
function writeLines(output: Environment['stdout'], answers: readonly object[]): Promise<boolean> {
  return writeText(output, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(''));
}
