/** A run that goes on from an adapter takes method, options and base model from its file: nothing of it may be said otherwise. */
import { isDeepStrictEqual } from 'node:util';
import { MicrotuneError, adapterConfigFile, optionName, runConfigSchema } from '@microtune/shared';
import type { ConfigValues } from './config-file.js';

/**
 * @returns `values` with what the adapter says; as they are where they name none
 * @throws MicrotuneError `usage` for an option that contradicts it, or a folder that is no adapter's; `data` for a kind or setting of
 *   adapters that is not supported
 */
export async function withAdapterValues(values: ConfigValues): Promise<ConfigValues> {
  const folder = values['adapterNameOrPath'];
  if (typeof folder !== 'string' || folder === '') return values;
  const { adapterOptions, readAdapterFolder } = await import('@microtune/models/model-size');
  const given = values['modelNameOrPath'];
  const adapter = await readAdapterFolder(folder, {
    base: typeof given === 'string' ? given : undefined,
    option: 'model_name_or_path',
  });
  if (adapter === undefined) {
    throw new MicrotuneError(
      'usage',
      `adapter_name_or_path: ${folder} is no adapter's folder: it has no ${adapterConfigFile}`,
    );
  }
  const options = adapterOptions(adapter.method);
  for (const [key, value] of Object.entries(options)) refuseOther(key, { values, value, folder });
  return { ...values, ...options, modelNameOrPath: given ?? adapter.baseName };
}

/** @param value what the adapter says */
function refuseOther(
  key: string,
  { values, value, folder }: { values: ConfigValues; value: unknown; folder: string },
): void {
  const written = values[key];
  if (written === undefined) return;
  const field = runConfigSchema.shape[key as keyof typeof runConfigSchema.shape];
  const parsed = field.safeParse(written);
  // What does not fit at all is told where all options are checked.
  if (!parsed.success || isDeepStrictEqual(parsed.data, value)) return;
  const [ours, theirs] = [parsed.data, value].map((each) => JSON.stringify(each) ?? 'nothing');
  throw new MicrotuneError(
    'usage',
    `--${optionName(key)} is ${ours}, and the adapter ${folder} has ${theirs}: leave the option out, or start anew without --adapter_name_or_path`,
  );
}
