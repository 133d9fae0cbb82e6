export { defineConfig } from './define-config.js';
export { train } from './train.js';
export type { TrainOptions } from './train.js';
export { MicrotuneError, exitCodeOf } from '@microtune/shared';
export type { ErrorCode, ResolvedConfig, RunConfig } from '@microtune/shared';
export type { RunNews, RunObserver, Summary } from '@microtune/coordinator';
