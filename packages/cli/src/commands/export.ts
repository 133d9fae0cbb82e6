/** `microtune export <run folder> --to DIR`: a folder that transformers or PEFT loads, with nothing of the run around it. */
import { checkNewFolder, lockRunFolder } from '@microtune/coordinator';
import { MicrotuneError } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { exportOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';

export async function run({
  values,
  positional: from,
  environment,
}: CommandInput): Promise<number> {
  const { to, merge, base, json } = parseOptions(exportOptions, values);
  if (from === undefined || from === '')
    throw new MicrotuneError('usage', 'export needs the folder of a run or of a model');
  checkNewFolder('to', to);
  using lock = await lockRunFolder(to, 'to');
  if (lock.note !== undefined) environment.stderr.write(`note: ${lock.note}\n`);
  const { exportModel } = await import('@microtune/models');
  const files = await exportModel(from, to, { merge, base });
  const text = json ? JSON.stringify({ folder: to, files }) : `${to}: ${files.join(', ')}`;
  environment.stdout.write(`${text}\n`);
  return 0;
}
