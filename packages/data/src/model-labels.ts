import { join } from 'node:path';
import { MicrotuneError, problemTypes, type ProblemType } from '@microtune/shared';
import { parseJsonObject } from './json-object.js';
import { readIfThere } from './text-tokenizer.js';

export interface ModelLabels {
  /** Names by id; undefined when the model has none but LABEL_0, LABEL_1… */
  readonly labels: readonly string[] | undefined;
  readonly problemType: ProblemType | undefined;
}

/**
 * `id2label` and `problem_type` of a model folder's config.json.
 * @throws MicrotuneError `data` for broken JSON; `usage` for a problem type that is not supported
 */
export async function readModelLabels(folder: string): Promise<ModelLabels> {
  const file = join(folder, 'config.json');
  const text = await readIfThere(file);
  if (text === undefined) return { labels: undefined, problemType: undefined };
  const config = parseJsonObject(text, file);
  const problemType = problemTypes.find((known) => known === config['problem_type']);
  if (
    problemType === undefined &&
    config['problem_type'] !== undefined &&
    config['problem_type'] !== null
  ) {
    throw new MicrotuneError(
      'usage',
      `${file}: problem_type ${JSON.stringify(config['problem_type'])} is not supported; expected ${problemTypes.join(' or ')}`,
    );
  }
  return { labels: namesById(config['id2label']), problemType };
}

function namesById(id2label: unknown): readonly string[] | undefined {
  if (typeof id2label !== 'object' || id2label === null) return undefined;
  const names = Object.entries(id2label)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => String(name));
  return names.length === 0 || names.every((name) => /^LABEL_\d+$/.test(name)) ? undefined : names;
}
