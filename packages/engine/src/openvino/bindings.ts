/**
 * The OpenVINO C API as we use it: every status code checked, results returned instead of left in out-parameters.
 * Nothing here knows graphs or engines. What a handle stands for belongs to the caller, who frees it once.
 * Calls that take long (reading, compiling, running) go to koffi's own thread, so JavaScript stays free meanwhile.
 */
import { MicrotuneError, messageOf } from '@microtune/shared';
import type { ErrorCode } from '@microtune/shared';
import koffi from 'koffi';
import type { HostBuffer, Shape } from '../graph-types.js';
import { declareCApi } from './c-api.js';
import type { CApi, CShape, CVersion, Handle, Out } from './c-api.js';

export type { Handle } from './c-api.js';
export type Properties = Readonly<Record<string, string>>;
type Done = (error: Error | null, status: number) => void;

export class OpenvinoBindings {
  readonly #api: CApi;

  /**
   * @param file full path of `libopenvino_c.so.*`; it finds the other libraries beside itself
   * @throws MicrotuneError `usage` when it cannot be loaded or lacks a function
   */
  constructor(file: string) {
    try {
      this.#api = declareCApi(file);
    } catch (error) {
      throw new MicrotuneError('usage', `cannot load ${file}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Release and build, e.g. `2026.4.1-22982-…`. */
  version(): string {
    const version: Partial<CVersion> = {};
    this.#check(this.#api.version(version), 'internal', 'reading the version');
    return version.buildNumber ?? 'unknown';
  }

  createCore(): Handle {
    return this.#create('creating the core', (out) => this.#api.coreCreate(out));
  }

  /** A property of the CPU device, as text. */
  cpuProperty(core: Handle, key: string): string {
    const text = this.#create(`reading ${key}`, (out) =>
      this.#api.coreProperty(core, 'CPU', key, out),
    );
    const value = koffi.decode(text, 'char', -1) as string;
    this.#api.freeText(text);
    return value;
  }

  readModel(core: Handle, onnx: Uint8Array): Promise<Handle> {
    return this.#createLater('reading the graph', (out, done) => {
      this.#api.readModel.async(core, onnx, onnx.byteLength, null, out, done);
    });
  }

  compileModel(core: Handle, model: Handle, properties: Properties): Promise<Handle> {
    const pairs = Object.entries(properties).map(([key, value]) => ({ key, value }));
    return this.#createLater('compiling the graph', (out, done) => {
      this.#api.compileModel.async(core, model, 'CPU', pairs.length, pairs, out, done);
    });
  }

  createRequest(compiled: Handle): Handle {
    return this.#create('creating a request', (out) => this.#api.requestCreate(compiled, out));
  }

  /** The element type that a compiled graph expects of an input or output. */
  portElementType(compiled: Handle, side: 'input' | 'output', name: string): number {
    const find = side === 'input' ? this.#api.inputPort : this.#api.outputPort;
    const port = this.#create(`finding the ${side} "${name}"`, (out) => find(compiled, name, out));
    const type: Out<number> = [null];
    const status = this.#api.portElementType(port, type);
    this.#api.freePort(port);
    this.#check(status, 'internal', `reading the type of "${name}"`);
    return type[0] ?? -1;
  }

  /** A tensor over memory of ours: nothing is copied, so the buffer must outlive the tensor. */
  tensorOver(elementType: number, shape: Shape, buffer: HostBuffer): Handle {
    return this.#create('wrapping a buffer', (out) =>
      this.#api.tensorFromHost(elementType, cShape(shape), fixedBytes(buffer), out),
    );
  }

  /** Bytes that one element of a type number takes in the release loaded. */
  elementBytes(elementType: number): number {
    const tensor = this.#create('creating a tensor', (out) =>
      this.#api.tensorCreate(elementType, cShape([8]), out),
    );
    const bytes: Out<number> = [null];
    const status = this.#api.tensorBytes(tensor, bytes);
    this.#api.freeTensor(tensor);
    this.#check(status, 'internal', 'measuring a tensor');
    return (bytes[0] ?? 0) / 8;
  }

  setInput(request: Handle, name: string, tensor: Handle): void {
    const status = this.#api.setInput(request, name, tensor);
    this.#check(status, 'internal', `setting the input "${name}"`);
  }

  /**
   * By its place in the model: names of outputs are no key, because outputs that are the same constant become names of
   * one tensor.
   */
  setOutput(request: Handle, index: number, tensor: Handle): void {
    const status = this.#api.setOutput(request, index, tensor);
    this.#check(status, 'internal', `setting output ${String(index)}`);
  }

  async infer(request: Handle): Promise<void> {
    const status = await settled((done) => {
      this.#api.infer.async(request, done);
    });
    this.#check(status, 'transient', 'running the graph');
  }

  freeCore(core: Handle): void {
    this.#api.freeCore(core);
  }

  freeModel(model: Handle): void {
    this.#api.freeModel(model);
  }

  freeCompiled(compiled: Handle): void {
    this.#api.freeCompiled(compiled);
  }

  freeRequest(request: Handle): void {
    this.#api.freeRequest(request);
  }

  freeTensor(tensor: Handle): void {
    this.#api.freeTensor(tensor);
  }

  #create(what: string, call: (out: Out<Handle>) => number): Handle {
    const out: Out<Handle> = [null];
    this.#check(call(out), 'internal', what);
    return given(out, what);
  }

  async #createLater(what: string, call: (out: Out<Handle>, done: Done) => void): Promise<Handle> {
    const out: Out<Handle> = [null];
    const status = await settled((done) => {
      call(out, done);
    });
    this.#check(status, 'internal', what);
    return given(out, what);
  }

  #check(status: number, code: ErrorCode, what: string): void {
    if (status === 0) return;
    const detail = this.#api.lastError()?.trim();
    throw new MicrotuneError(
      code,
      `OpenVINO: ${what} failed with status ${String(status)}: ${detail ?? 'no message'}`,
    );
  }
}

function settled(start: (done: Done) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    start((error, status) => {
      if (error === null) resolve(status);
      else reject(error);
    });
  });
}

function given(out: Out<Handle>, what: string): Handle {
  if (out[0] !== null) return out[0];
  throw new MicrotuneError('internal', `OpenVINO: ${what} gave no object`);
}

function cShape(shape: Shape): CShape {
  return { rank: shape.length, dims: BigInt64Array.from(shape, BigInt) };
}

/**
 * The bytes of a view. V8 keeps the elements of a small typed array inside its moving heap until somebody asks for
 * its ArrayBuffer; asking, as here, puts them in memory that stays where it is.
 */
function fixedBytes(view: HostBuffer): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
