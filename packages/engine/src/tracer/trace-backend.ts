/**
 * A tfjs backend that computes nothing: its tensors stand for values of a graph being recorded, its kernels add nodes.
 * Tensors made from host data (also eager ones captured from outside, which tfjs moves here on first use) keep their
 * data and become constants when a kernel reads them; tfjs can move them back afterwards.
 */
import { DataStorage, KernelBackend, engine } from '@tensorflow/tfjs-core';
import type { BackendValues, DataType, TensorInfo } from '@tensorflow/tfjs-core';
import { MicrotuneError, assert } from '@microtune/shared';
import { constantOf } from '../graph/constant-of.js';
import type { GraphBuilder } from '../graph/graph-builder.js';
import type { Value } from '../graph/graph.js';
import type { DType, Shape } from '../graph-types.js';

export const traceBackendName = 'microtune-trace';

type DataId = TensorInfo['dataId'];

interface Datum {
  readonly shape: Shape;
  readonly dtype: DataType;
  /** Host data; undefined for a symbolic tensor. */
  readonly values: BackendValues | undefined;
  /** The value in `recording`: symbolic ones are born with it, constants get one per recording. */
  symbol: { readonly recording: GraphBuilder; readonly value: Value } | undefined;
  references: number;
}

/** @throws MicrotuneError `usage` for string and complex64 */
export function graphDType(dtype: DataType): DType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new MicrotuneError(
    'usage',
    `a traced function cannot use ${dtype} tensors: only float32, int32 and bool`,
  );
}

export class TraceBackend extends KernelBackend {
  readonly #data = new DataStorage<Datum>(this, engine());
  /** The graph that kernels add to; set by trace() for the duration of the traced function. */
  recording: GraphBuilder | undefined;

  /** The value a tensor stands for in the current recording. */
  symbolOf(tensor: TensorInfo): Value {
    const recording = this.#current();
    const datum = this.#data.get(tensor.dataId);
    if (datum.symbol?.recording === recording)
      return this.#shaped(datum.symbol.value, tensor.shape);
    if (datum.values === undefined) {
      throw new MicrotuneError(
        'usage',
        'a tensor of an earlier trace was used: traced tensors live only inside trace()',
      );
    }
    const value = constantOf(recording, datum.values as Float32Array, {
      shape: datum.shape,
      dtype: graphDType(datum.dtype),
    });
    datum.symbol = { recording, value };
    return this.#shaped(value, tensor.shape);
  }

  /** A new tensor standing for a value. */
  tensorOf(value: Value): TensorInfo {
    const dataId: DataId = {};
    const symbol = { recording: this.#current(), value };
    this.#data.set(dataId, {
      shape: value.shape,
      dtype: value.dtype,
      values: undefined,
      symbol,
      references: 1,
    });
    return { dataId, shape: [...value.shape], dtype: value.dtype };
  }

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const dataId: DataId = {};
    this.#data.set(dataId, { shape, dtype, values, symbol: undefined, references: 1 });
    return dataId;
  }

  override move(...given: Parameters<KernelBackend['move']>): void {
    const [dataId, values, shape, dtype, references] = given;
    this.#data.set(dataId, { shape, dtype, values, symbol: undefined, references });
  }

  override readSync(dataId: DataId): BackendValues {
    const { values } = this.#data.get(dataId);
    if (values !== undefined) return values;
    throw new MicrotuneError(
      'usage',
      'a traced function read the values of a tensor (dataSync, arraySync, data or print): ' +
        'a traced tensor has no values, only a shape; make it an output of the graph instead',
    );
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    return this.readSync(dataId);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.#data.has(dataId)) return true;
    const datum = this.#data.get(dataId);
    datum.references--;
    if (!force && datum.references > 0) return false;
    this.#data.delete(dataId);
    return true;
  }

  override incRef(dataId: DataId): void {
    this.#data.get(dataId).references++;
  }

  override refCount(dataId: DataId): number {
    return this.#data.has(dataId) ? this.#data.get(dataId).references : 0;
  }

  override numDataIds(): number {
    return this.#data.numDataIds();
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: true };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  /** Captured tensors stay readable, so there is nothing to let go of. */
  override dispose(): void {}

  #current(): GraphBuilder {
    assert(this.recording !== undefined, 'a trace kernel ran outside trace()');
    return this.recording;
  }

  /** tfjs reshapes a constant by a second tensor over the same data. */
  #shaped(value: Value, shape: Shape): Value {
    const same =
      value.shape.length === shape.length && value.shape.every((extent, i) => extent === shape[i]);
    return same ? value : this.#current().add('reshape', [value], { shape: [...shape] });
  }
}
