/** config.json of a HuggingFace model folder: read, and kept whole so that what Microtune does not know is saved again. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MicrotuneError, messageOf, modelConfigFile } from '@microtune/shared';

/** Keys as in the file. */
export type HfConfig = Readonly<Record<string, unknown>>;

/** @throws MicrotuneError `usage` when the folder or its config.json is missing, `data` when it is not a JSON object */
export async function readConfig(folder: string): Promise<HfConfig> {
  if (!existsSync(folder)) {
    throw new MicrotuneError(
      'usage',
      `model folder ${folder} does not exist: give a local folder in HuggingFace layout`,
    );
  }
  const path = join(folder, modelConfigFile);
  if (!existsSync(path)) {
    throw new MicrotuneError('usage', `${folder} is no model folder: it has no ${modelConfigFile}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new MicrotuneError('data', `${path}: cannot be read as JSON: ${messageOf(cause)}`, {
      cause,
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new MicrotuneError('data', `${path}: must hold a JSON object`);
  }
  return parsed as HfConfig;
}
