/**
 * A compiled graph over the caller's own buffers. OpenVINO reads inputs from and writes outputs to the memory of the
 * typed arrays given to `run`; a tensor is made only for a buffer that differs from the one of the run before, so a
 * worker that feeds views of its arena pays nothing. The last buffers are referenced here: their memory must stay.
 */
import { assert } from '@microtune/shared';
import type { BorderSpec, Executable } from '../engine.js';
import { bufferFits, elementCount } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import type { Handle, OpenvinoBindings } from './bindings.js';

export interface CompiledHandles {
  readonly compiled: Handle;
  readonly request: Handle;
}

interface Bound {
  readonly buffer: HostBuffer;
  readonly tensor: Handle;
}

type Buffers = Readonly<Record<string, HostBuffer>>;

export interface ExecutableOptions {
  readonly bindings: OpenvinoBindings;
  readonly handles: CompiledHandles;
  /** OpenVINO's type number of every input and output, by name. */
  readonly elementTypes: ReadonlyMap<string, number>;
  readonly inputs: readonly BorderSpec[];
  readonly outputs: readonly TensorSpec[];
}

export class OpenvinoExecutable implements Executable {
  readonly inputs: readonly BorderSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #bindings: OpenvinoBindings;
  readonly #handles: CompiledHandles;
  readonly #elementTypes: ReadonlyMap<string, number>;
  readonly #bound = new Map<string, Bound>();
  #running = false;
  #disposed = false;
  #freed = false;

  constructor(options: ExecutableOptions) {
    this.inputs = options.inputs;
    this.outputs = options.outputs;
    this.#bindings = options.bindings;
    this.#handles = options.handles;
    this.#elementTypes = options.elementTypes;
  }

  /**
   * @throws MicrotuneError `internal` for a missing or wrongly sized buffer, a second run at the same time, or a run
   *   after `dispose`; `transient` when OpenVINO fails
   */
  async run(inputs: Buffers, outputs: Buffers): Promise<void> {
    assert(!this.#disposed, 'a disposed executable was run');
    assert(!this.#running, 'an executable was run twice at the same time');
    for (const spec of this.inputs) this.#bind(spec, inputs[spec.name]);
    this.outputs.forEach((spec, index) => {
      this.#bind(spec, outputs[spec.name], index);
    });
    this.#running = true;
    try {
      await this.#bindings.infer(this.#handles.request);
    } finally {
      this.#running = false;
      if (this.#disposed) this.#free();
    }
  }

  /** Frees everything; during a run, as soon as it ends. */
  dispose(): void {
    this.#disposed = true;
    if (!this.#running) this.#free();
  }

  /** @param outputIndex of an output: its place */
  #bind(spec: BorderSpec, buffer: HostBuffer | undefined, outputIndex?: number): void {
    const last = this.#bound.get(spec.name);
    // A detached buffer is still the same object: its length tells.
    if (last !== undefined && last.buffer === buffer && buffer.length > 0) return;
    checkBuffer(spec, buffer);
    const elementType = this.#elementTypes.get(spec.name);
    assert(elementType !== undefined, `the type of "${spec.name}" is unknown`);
    const tensor = this.#bindings.tensorOver(elementType, spec.shape, buffer);
    try {
      const { request } = this.#handles;
      if (outputIndex === undefined) this.#bindings.setInput(request, spec.name, tensor);
      else this.#bindings.setOutput(request, outputIndex, tensor);
    } catch (error) {
      this.#bindings.freeTensor(tensor);
      throw error;
    }
    if (last !== undefined) this.#bindings.freeTensor(last.tensor);
    this.#bound.set(spec.name, { buffer, tensor });
  }

  #free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#bindings.freeRequest(this.#handles.request);
    this.#bindings.freeCompiled(this.#handles.compiled);
    for (const { tensor } of this.#bound.values()) this.#bindings.freeTensor(tensor);
    this.#bound.clear();
  }
}

function checkBuffer(
  { name, shape, dtype, isBfloat16 = false }: BorderSpec,
  buffer: HostBuffer | undefined,
): asserts buffer is HostBuffer {
  const wanted = `${isBfloat16 ? 'bytes of bfloat16' : dtype} [${shape.join(', ')}] of "${name}"`;
  assert(buffer !== undefined, `no buffer was given for ${wanted}`);
  const given = `${buffer.constructor.name} of ${String(buffer.length)} values`;
  const fits = isBfloat16
    ? buffer instanceof Uint8Array && buffer.length === 2 * elementCount(shape)
    : bufferFits(buffer, shape, dtype);
  assert(fits, `a ${given} was given for ${wanted}`);
}
