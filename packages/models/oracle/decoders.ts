/** The stored decoders as tests use them: batches laid out in rows, weights from the folder. */
import { join } from 'node:path';
import type { ShardShape } from '@microtune/shared';
import { causalInputs, classIds, ignoreIndex, tokenInputs } from '@microtune/tasks';
import { elementCount } from '../src/optimizer/layout.js';
import type { Parameter } from '../src/program/program.js';
import { ModelFiles } from '../src/safetensors/model-files.js';
import { fixtures, type GraphInputs } from './fixtures.js';
import type { Weights } from './run-traced.js';

export interface StoredDecoder {
  readonly head: 'causal-lm' | 'classification';
  /** Of each sample, without padding. */
  readonly input_ids: readonly number[][];
  /** Of each token (-100 does not count), or of each sample. */
  readonly labels: readonly number[][] | readonly number[];
  /** Of every token of every sample, or of each sample. */
  readonly logits: readonly number[][];
  readonly loss_sum: number;
  readonly correct: number;
}

export const decoderFolder = (name: string): string => join(fixtures, 'decoders', name);

/** A batch as a shard of `samplesPerRow`; the rest of the last row and two tokens of each are padding. */
export function layOutDecoder(
  stored: StoredDecoder,
  samplesPerRow: number,
): { shape: ShardShape; inputs: GraphInputs; places: number[] } {
  const { input_ids: samples } = stored;
  const rows = Math.ceil(samples.length / samplesPerRow);
  const tokens = 2 + samplesPerRow * Math.max(...samples.map(({ length }) => length));
  const count = rows * tokens;
  const ids = new Int32Array(count);
  const positions = new Int32Array(count);
  const targets: { cell: number; id: number }[] = [];
  const sampleOfToken = new Float32Array(count);
  const lastTokens = new Int32Array(rows * samplesPerRow);
  const classes = new Int32Array(rows * samplesPerRow).fill(ignoreIndex);
  const places: number[] = [];
  let next = 0;
  samples.forEach((sample, index) => {
    const at = index % samplesPerRow;
    if (at === 0) next = Math.floor(index / samplesPerRow) * tokens;
    const label = stored.labels[index];
    sample.forEach((id, position) => {
      ids[next] = id;
      positions[next] = position;
      sampleOfToken[next] = 1 + at;
      const following = Array.isArray(label) ? (label as number[])[position + 1] : undefined;
      if (following !== undefined && following !== ignoreIndex)
        targets.push({ cell: next, id: following });
      places.push(next);
      next++;
    });
    lastTokens[index] = next - 1;
    if (typeof label === 'number') classes[index] = label;
  });
  const inputs = {
    [tokenInputs.inputIds.name]: ids,
    [tokenInputs.positionIds.name]: positions,
    [tokenInputs.sampleOfToken.name]: sampleOfToken,
    [tokenInputs.lastTokens.name]: lastTokens,
    ...(stored.head === 'causal-lm'
      ? causalInputsOf(targets, count)
      : { [classIds.name]: classes }),
  };
  return { shape: { rows, tokens, samplesPerRow }, inputs, places };
}

function causalInputsOf(
  targets: readonly { readonly cell: number; readonly id: number }[],
  room: number,
): GraphInputs {
  const { targetCells, targetIds, targetWeights } = causalInputs;
  const all = Array.from({ length: room }, (_, at) => targets[at]);
  return {
    [targetCells.name]: Int32Array.from(all, (target) => target?.cell ?? 0),
    [targetIds.name]: Int32Array.from(all, (target) => target?.id ?? 0),
    [targetWeights.name]: Float32Array.from(all, (target) => (target === undefined ? 0 : 1)),
  };
}

/** The weights of a stored folder, by parameter. */
export async function weightsOfFolder(
  folder: string,
  parameters: readonly Parameter[],
): Promise<Weights> {
  const files = await ModelFiles.open(folder);
  const weights = new Map<string, Float32Array>();
  for (const { name, shape } of parameters) {
    const values = new Float32Array(elementCount(shape));
    await files.readInto(name, shape, values);
    weights.set(name, values);
  }
  await files.close();
  return ({ name }) => weights.get(name) ?? new Float32Array();
}
