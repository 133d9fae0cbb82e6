import type { ParsedConfig } from '@microtune/shared';

/** The part of the configuration that decides where a run, or a model that answers, computes. */
export type PlaceConfig = Pick<
  ParsedConfig,
  'engine' | 'devices' | 'workers' | 'oversubscribe' | 'bf16' | 'tf32'
>;
