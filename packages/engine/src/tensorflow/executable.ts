/**
 * A graph in a session of its own, fed from and read into the caller's buffers. `run` computes on the calling thread:
 * timers and sockets of the process stand still meanwhile, and have their turn before each run.
 */
import { setImmediate } from 'node:timers/promises';
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import { deviceError } from '../cuda/device-failures.js';
import type { Executable } from '../engine.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import type { TensorflowBinding } from './binding.js';
import { bufferOf, runSession } from './host-tensors.js';
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
   * Runs once; blocks the thread after one turn of the event loop, so that runs in a row starve nothing.
   * @throws MicrotuneError `internal` for a missing or wrongly sized buffer or a run after `dispose`; `transient` when
   *   TensorFlow fails or the device is lost, and ever after, `usage` when its memory is too small: the process should end
   */
  async run(inputs: Buffers, outputs: Buffers): Promise<void> {
    assert(!this.#disposed, 'a disposed executable was run');
    if (this.#broken !== undefined) throw new MicrotuneError('transient', this.#broken);
    const buffers = this.inputs.map((spec) => bufferOf(spec, inputs));
    const taken = this.outputs.map((spec) => bufferOf(spec, outputs));
    await setImmediate();
    assert(!this.#disposed, 'a disposed executable was run');
    this.#compute(buffers).forEach((values, index) => taken[index]!.set(values));
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#binding.deleteSavedModel(this.#session);
  }

  #compute(buffers: readonly HostBuffer[]): HostBuffer[] {
    try {
      return runSession(this.#binding, {
        session: this.#session,
        inputs: this.inputs,
        buffers,
        floatsAsInt32: this.#floatsAsInt32,
        feeds: this.#inputNames,
        fetches: this.#outputNames,
      });
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  #fail(cause: unknown): MicrotuneError {
    const inputs = this.inputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`);
    const shown = inputs.length > 4 ? [...inputs.slice(0, 4), '...'] : inputs;
    const text = `TensorFlow failed to run the graph over ${shown.join(', ')}: ${messageOf(cause)}`;
    const { code, message } = deviceError(text, 'transient');
    this.#broken = message;
    return new MicrotuneError(code, message, { cause });
  }
}
