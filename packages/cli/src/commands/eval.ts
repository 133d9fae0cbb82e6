/**
 * `microtune eval <run folder> --file F`: metrics of a trained model on a labelled file, of a language model on any text, in this
 * process.
 */
import type { Evaluation, LanguageModel, Model } from '@microtune/inference';
import { MicrotuneError, languageOptions, optionName } from '@microtune/shared';
import type { z } from 'zod';
import type { CommandInput } from '../command.js';
import { evalOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import { openPlacedModel } from '../inference/open-placed-model.js';
import { duration, engineText, shortNumber } from '../output/format.js';
import { renderFacts } from '../output/table.js';

export async function run({
  values,
  positional: folder,
  environment,
}: CommandInput): Promise<number> {
  const options = parseOptions(evalOptions, values);
  const started = performance.now();
  const onNote = (note: string): void => void environment.stderr.write(`note: ${note}\n`);
  await using model = await openPlacedModel(folder ?? '', { ...environment, ...options, onNote });
  const { samples, tokens, ...metrics } = await evaluate(model, { ...options, onNote });
  const seconds = (performance.now() - started) / 1000;
  environment.stdout.write(
    options.json
      ? `${JSON.stringify({ ...metrics, samples, tokens, seconds: Number(seconds.toFixed(3)) })}\n`
      : `${renderFacts([
          ...Object.entries(metrics).map(([name, value]) => [name, shortNumber(value)] as const),
          ['rows', samples],
          ...(tokens === undefined ? [] : [['counted tokens', tokens] as const]),
          ['time', duration(seconds)],
          ['engine', engineText(model.engine)],
        ])}\n`,
  );
  return 0;
}

type Options = z.output<typeof evalOptions> & { readonly onNote: (note: string) => void };

/** @throws MicrotuneError `usage` for an option that has no meaning for the model */
function evaluate(
  model: Model | LanguageModel,
  { file, labelColumnName, ...options }: Options,
): Promise<Evaluation & { readonly tokens?: number }> {
  if (model.kind === 'language') {
    if (labelColumnName !== undefined) throw meaningless('labelColumnName', 'a language model');
    return model.evaluate(file, options);
  }
  const asked = Object.entries(options).find(
    ([key, value]) => Object.hasOwn(languageOptions, key) && value !== undefined,
  );
  if (asked !== undefined) throw meaningless(asked[0], 'a model of labels');
  return model.evaluate(file, { ...options, labelColumnName });
}

const meaningless = (key: string, kind: string): MicrotuneError =>
  new MicrotuneError('usage', `--${optionName(key)} has no meaning for ${kind}: leave it out`);
