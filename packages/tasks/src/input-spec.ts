/**
 * What a graph reads of a batch. A program declares its inputs as specs (models/src/program.ts); a task's collator fills
 * a buffer for each. Both take the specs from the lists here, so a name is spelled once.
 */
import type { ShardShape } from '@microtune/shared';

export interface InputSpec {
  readonly name: string;
  readonly dtype: 'int32' | 'float32';
  /** Dimensions in a shard of that shape. */
  shape(shard: ShardShape): readonly number[];
}

/** int32 -> Int32Array, float32 -> Float32Array, row-major. */
export type InputBuffer = Int32Array | Float32Array;

/** [rows * tokens]: one number a token. */
export const perToken = ({ rows, tokens }: ShardShape): number[] => [rows * tokens];
/** [rows * samplesPerRow]: one number a place for a sample. */
export const perPlace = ({ rows, samplesPerRow }: ShardShape): number[] => [rows * samplesPerRow];

/** A zeroed buffer of an input. */
export function bufferOf({ dtype, shape }: InputSpec, shard: ShardShape): InputBuffer {
  const count = shape(shard).reduce((product, dimension) => product * dimension, 1);
  return dtype === 'int32' ? new Int32Array(count) : new Float32Array(count);
}
