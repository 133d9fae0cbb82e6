/** `microtune eval <run folder> --file F`: metrics of a trained model on a labelled file, in this process. */
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
  const { samples, ...metrics } = await model.evaluate(options.file, { ...options, onNote });
  const seconds = (performance.now() - started) / 1000;
  environment.stdout.write(
    options.json
      ? `${JSON.stringify({ ...metrics, samples, seconds: Number(seconds.toFixed(3)) })}\n`
      : `${renderFacts([
          ...Object.entries(metrics).map(([name, value]) => [name, shortNumber(value)] as const),
          ['rows', samples],
          ['time', duration(seconds)],
          ['engine', engineText(model.engine)],
        ])}\n`,
  );
  return 0;
}
