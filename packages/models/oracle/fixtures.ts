/** The stored fixtures as tests use them: see README.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ShardShape } from '@microtune/shared';
import { classIds, ignoreIndex, targets, targetWeights, tokenInputs } from '@microtune/tasks';
import type { ModelProgram } from '../src/program/program.js';

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

/** How the samples of a stored batch lie in rows. */
export interface RowLayout {
  /** Rows at the end that weigh nothing. */
  readonly emptyRows?: number;
  /** More than 1 packs them, without the padding between them. */
  readonly samplesPerRow?: number;
}

/** A stored batch as a shard: its shape and the graph's inputs. */
export function layOutBatch(
  program: ModelProgram,
  batch: StoredBatch,
  { emptyRows = 0, samplesPerRow = 1 }: RowLayout = {},
): { shape: ShardShape; inputs: GraphInputs } {
  const tokens = samplesPerRow * (batch.input_ids[0]?.length ?? 0);
  const rows = Math.ceil(batch.labels.length / samplesPerRow) + emptyRows;
  const shape = { rows, tokens, samplesPerRow };
  const [ids, positions, types] = [0, 1, 2].map(() => new Int32Array(rows * tokens));
  const sampleOfToken = new Float32Array(rows * tokens);
  const firstTokens = new Int32Array(rows * samplesPerRow);
  const places = rows * samplesPerRow;
  const labelAt = (place: number, missing: number): number => batch.labels[place] ?? missing;
  let next = 0;
  batch.labels.forEach((_, sample) => {
    const row = Math.floor(sample / samplesPerRow);
    if (sample % samplesPerRow === 0) next = row * tokens;
    firstTokens[sample] = next - row * tokens;
    batch.attention_mask[sample]?.forEach((isReal, position) => {
      if (isReal === 0) return;
      ids![next] = batch.input_ids[sample]![position]!;
      types![next] = batch.token_type_ids[sample]![position]!;
      positions![next] = position;
      sampleOfToken[next] = 1 + (sample % samplesPerRow);
      next++;
    });
  });
  const inputs: GraphInputs = {
    [tokenInputs.inputIds.name]: ids!,
    [tokenInputs.positionIds.name]: positions!,
    [tokenInputs.sampleOfToken.name]: sampleOfToken,
    [tokenInputs.firstTokens.name]: firstTokens,
    [tokenInputs.tokenTypeIds.name]: types!,
  };
  const all = Array.from({ length: places }, (_, place) => place);
  if (program.labelInputs.includes(classIds)) {
    inputs[classIds.name] = Int32Array.from(all, (place) => labelAt(place, ignoreIndex));
  } else {
    inputs[targets.name] = Float32Array.from(all, (place) => labelAt(place, 3));
    inputs[targetWeights.name] = Float32Array.from(all, (place) =>
      place < batch.labels.length ? 1 : 0,
    );
  }
  return { shape, inputs };
}
