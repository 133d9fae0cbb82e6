/** The configuration of a run from all its sources: defaults, then the config file, then the command line. */
import { runConfigSchema, type ParsedConfig } from '@microtune/shared';
import { bf16InHardware, cpuFlags } from '@microtune/engine/cpu-flags';
import { hasNvidiaCard } from '../machine/nvidia-card.js';
import { withAdapterValues } from './adapter-values.js';
import { checkCombinations } from './combinations.js';
import { readConfigFile, type ConfigValues } from './config-file.js';
import { optionTable } from './option-table.js';
import { parseOptions } from './parse-options.js';

/**
 * @param values of the command line, by key
 * @param configFile path, when one was given
 * @throws MicrotuneError `usage` for unknown keys, values that do not fit and combinations that cannot work
 */
export async function loadConfig(
  values: ConfigValues,
  configFile: string | undefined,
): Promise<ParsedConfig> {
  if (configFile === undefined) return checkConfig(await withAdapterValues(values));
  const table = optionTable(runConfigSchema);
  const file = await readConfigFile(configFile, { command: 'train', table });
  return checkConfig(await withAdapterValues({ ...file.values, ...values }), (key) =>
    key in values ? undefined : file.whereOf(key),
  );
}

/**
 * The same for a configuration that comes from code.
 * @param whereOf file and line of a key, where it has them
 */
export function checkConfig(
  values: ConfigValues,
  whereOf: (key: string) => string | undefined = () => undefined,
): ParsedConfig {
  const written = { ...values };
  if (written['lrSchedulerKwargs'] !== undefined)
    written['lrSchedulerKwargs'] = camelKeys(written['lrSchedulerKwargs']);
  const config = parseOptions(runConfigSchema, written, whereOf);
  checkCombinations(config, { bf16: bf16Here(config) });
  return config;
}

/** On a card the engine tells; whether a run without `--devices` will be on one is not known yet. */
function bf16Here({ devices }: ParsedConfig): boolean | undefined {
  const onCard = devices === undefined ? hasNvidiaCard() : devices[0] !== 'cpu';
  return onCard ? undefined : bf16InHardware(cpuFlags());
}

/** Keys inside a JSON option are snake_case in files and flags, too. */
function camelKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const camel = (name: string): string =>
    name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [camel(name), inner as unknown]),
  );
}
