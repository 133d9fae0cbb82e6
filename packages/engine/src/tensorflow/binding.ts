/**
 * The native addon of @tensorflow/tfjs-node-gpu, as it is: what of its surface the engine uses, and loading it.
 * Only the file `tfjs_binding.node` is loaded, never the package's JavaScript, which breaks on Node 23 and would
 * register a backend. Every call runs on the calling thread, to its end.
 *
 * The addon's traps, each of which the engine obeys:
 * - A tensor may share the memory of the array it was made from: nobody writes there until it is deleted.
 * - A failed run leaks its inputs, and one that fails for want of memory leaves the process unusable.
 * - Names go in joined by commas, as `node:index`; at least one output must be fetched, and none that is fed.
 */
import { createRequire } from 'node:module';
import type { DType } from '../graph-types.js';

/** TF_DataType of what crosses the border. */
export const borderTypes: Readonly<Record<DType, number>> = { float32: 1, int32: 3, bool: 10 };

export interface TensorInfo {
  readonly id: number;
  readonly dtype: number;
  readonly shape: readonly number[];
}

export type BorderArray = Float32Array | Int32Array | Uint8Array;

export interface TensorflowBinding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  createTensor(shape: number[], dtype: number, data: BorderArray): number;
  deleteTensor(id: number): void;
  /** A copy. */
  tensorDataSync(id: number): BorderArray;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(
    id: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): TensorInfo[];
  getNumOfTensors(): number;
  getNumOfSavedModels(): number;
}

/** Loads the addon; TensorFlow reads its environment variables now, once for the process. */
export function loadBinding(addonFile: string): TensorflowBinding {
  return createRequire(import.meta.url)(addonFile) as TensorflowBinding;
}
