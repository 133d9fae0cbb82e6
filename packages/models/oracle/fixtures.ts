/** The stored fixtures as tests use them: see README.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ignoreIndex } from '@microtune/data';
import { graphNames, type ModelProgram } from '../src/program.js';

export const fixtures = join(import.meta.dirname, 'fixtures');
export const cases = ['classification', 'pair', 'regression'] as const;

export interface StoredBatch {
  input_ids: number[][];
  attention_mask: number[][];
  token_type_ids: number[][];
  labels: number[];
}

export interface StoredCase extends StoredBatch {
  logits: number[][];
  losses: { smoothing: number; loss_sum: number; gradients: string }[];
}

export interface StoredTraining {
  weight_decay: number;
  max_norm: number;
  batches: StoredBatch[];
  learning_rates: number[];
  losses: number[];
  gradient_norms: number[];
}

export function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(fixtures, ...path), 'utf8')) as T;
}

export type GraphInputs = Record<string, Float32Array | Int32Array | Uint8Array>;

/** Graph inputs of a stored batch, padded with `emptyRows` rows that weigh nothing. */
export function batchInputs(program: ModelProgram, batch: StoredBatch, emptyRows = 0): GraphInputs {
  const tokens = batch.input_ids[0]?.length ?? 0;
  const padded = (rows: number[][], first: number): number[] => [
    ...rows.flat(),
    ...Array.from({ length: emptyRows * tokens }, (_, i) => (i % tokens === 0 ? first : 0)),
  ];
  const inputs: GraphInputs = {
    [graphNames.inputIds]: Int32Array.from(padded(batch.input_ids, 0)),
    [graphNames.attentionMask]: Float32Array.from(padded(batch.attention_mask, 1)),
    [graphNames.tokenTypeIds]: Int32Array.from(padded(batch.token_type_ids, 0)),
  };
  const empty = <T>(value: T): T[] => Array<T>(emptyRows).fill(value);
  if (program.numLabels > 1) {
    inputs[graphNames.labels] = Int32Array.from([...batch.labels, ...empty(ignoreIndex)]);
  } else {
    inputs[graphNames.labels] = Float32Array.from([...batch.labels, ...empty(3)]);
    inputs[graphNames.rowWeights] = Float32Array.from([...batch.labels.map(() => 1), ...empty(0)]);
  }
  return inputs;
}
