/** What can be said of the source model before any process starts: a wrong path is the commonest slip. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';

/** @throws MicrotuneError `usage` when `folder` is no model folder */
export function requireModel(folder: string): void {
  if (!existsSync(folder)) {
    throw new MicrotuneError(
      'usage',
      `model_name_or_path: folder ${folder} does not exist; models are local folders in HuggingFace layout ` +
        '(nothing is downloaded)',
    );
  }
  if (!existsSync(join(folder, 'config.json'))) {
    throw new MicrotuneError(
      'usage',
      `model_name_or_path: ${folder} is no model folder: it has no config.json`,
    );
  }
}
