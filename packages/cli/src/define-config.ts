import type { RunConfig } from '@microtune/shared';

/**
 * The default export of a config.ts: gives types and completion to what is written.
 * @example export default defineConfig({ modelNameOrPath: 'models/minilm', trainFile: 'train.tsv', workers: 2 });
 */
export function defineConfig(config: RunConfig): RunConfig {
  return config;
}
