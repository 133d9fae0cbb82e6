/** Words of the graph's border, shared by the tracer, the passes and every engine. */

export type DType = 'float32' | 'int32' | 'bool';
export type Shape = readonly number[];

export interface TensorSpec {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Host buffer of a tensor: float32 -> Float32Array, int32 -> Int32Array, bool -> Uint8Array of 0 and 1. */
export type HostBuffer = Float32Array | Int32Array | Uint8Array;

/** Row-sparse access to a large table kept on the host (see the pass `rows-on-host`). */
export interface HostRows {
  /** Name of the table as the traced function knew it; the graph has no such input any more. */
  readonly table: string;
  /** Rows and columns of the table. */
  readonly tableShape: readonly [number, number];
  /** Graph input (int32) whose values index the table; kept as a graph input only if something else reads it. */
  readonly ids: string;
  /** Graph input [numIds, width]: the caller feeds table[ids[i]]. */
  readonly rowsInput: string;
  /** Graph output [numIds, width]: gradient of each fed row; undefined when no gradient was asked for. */
  readonly gradientOutput: string | undefined;
}
