/**
 * A graph in a session of its own, fed from and read into the caller's buffers. `run` computes on the calling thread
 * and returns when it is done: timers and sockets of the process stand still meanwhile.
 */
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import type { Executable } from '../engine.js';
import { bufferFits } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import { borderTypes } from './binding.js';
import type { TensorflowBinding } from './binding.js';
import { inputName, outputName } from './to-saved-model.js';

type Buffers = Readonly<Record<string, HostBuffer>>;

export interface ExecutableOptions {
  readonly binding: TensorflowBinding;
  /** Session with the graph. */
  readonly session: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** As the graph was written. */
  readonly floatsAsInt32: boolean;
}

export class TensorflowExecutable implements Executable {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #binding: TensorflowBinding;
  readonly #session: number;
  readonly #floatsAsInt32: boolean;
  readonly #inputNames: string;
  readonly #outputNames: string;
  /** Why no run can follow: a failed one leaves tensors behind that nobody can free. */
  #broken: string | undefined;
  #disposed = false;

  constructor(options: ExecutableOptions) {
    this.inputs = options.inputs;
    this.outputs = options.outputs;
    this.#binding = options.binding;
    this.#session = options.session;
    this.#floatsAsInt32 = options.floatsAsInt32;
    this.#inputNames = options.inputs.map((_, index) => `${inputName(index)}:0`).join(',');
    this.#outputNames = options.outputs.map((_, index) => `${outputName(index)}:0`).join(',');
  }

  /**
   * Runs once; blocks the thread.
   * @throws MicrotuneError `internal` for a missing or wrongly sized buffer or a run after `dispose`; `transient` when
   *   TensorFlow fails, and ever after: the process should end
   */
  async run(inputs: Buffers, outputs: Buffers): Promise<void> {
    assert(!this.#disposed, 'a disposed executable was run');
    if (this.#broken !== undefined) throw new MicrotuneError('transient', this.#broken);
    const given = this.inputs.map((spec) => bufferOf('input', spec, inputs));
    const taken = this.outputs.map((spec) => bufferOf('output', spec, outputs));
    const fed = this.#feed(given);
    try {
      this.#fetch(fed).forEach((values, index) => taken[index]!.set(values));
    } finally {
      // Until here the tensors may share the caller's memory.
      for (const id of fed) this.#binding.deleteTensor(id);
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#binding.deleteSavedModel(this.#session);
  }

  #feed(buffers: readonly HostBuffer[]): number[] {
    const ids: number[] = [];
    try {
      this.inputs.forEach(({ shape, dtype }, index) => {
        const buffer = buffers[index]!;
        const bits = this.#floatsAsInt32 && buffer instanceof Float32Array;
        const data = bits ? asInt32(buffer) : buffer;
        ids.push(this.#binding.createTensor([...shape], borderTypes[bits ? 'int32' : dtype], data));
      });
    } catch (cause) {
      for (const id of ids) this.#binding.deleteTensor(id);
      throw this.#fail(cause);
    }
    return ids;
  }

  /** Runs the session and gives copies of its outputs. */
  #fetch(fed: readonly number[]): HostBuffer[] {
    try {
      const results = this.#binding.runSavedModel(
        this.#session,
        fed,
        this.#inputNames,
        this.#outputNames,
      );
      return results.map(({ id }) => {
        const values = this.#binding.tensorDataSync(id);
        this.#binding.deleteTensor(id);
        return values;
      });
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  #fail(cause: unknown): MicrotuneError {
    const inputs = this.inputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
    const shown = inputs.length > 4 ? [...inputs.slice(0, 4), '...'] : inputs;
    this.#broken = `TensorFlow failed to run the graph over ${shown.join(', ')}: ${messageOf(cause)}`;
    return new MicrotuneError('transient', this.#broken, { cause });
  }
}

function asInt32({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}

function bufferOf(kind: string, spec: TensorSpec, buffers: Buffers): HostBuffer {
  const buffer = buffers[spec.name];
  const wanted = `${spec.dtype} [${spec.shape.join(', ')}] of graph ${kind} "${spec.name}"`;
  assert(buffer !== undefined, `no buffer was given for ${wanted}`);
  const given = `${buffer.constructor.name} of ${String(buffer.length)} values`;
  assert(bufferFits(buffer, spec.shape, spec.dtype), `a ${given} was given for ${wanted}`);
  return buffer;
}
