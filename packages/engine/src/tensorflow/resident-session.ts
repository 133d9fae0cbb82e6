/** A resident model loaded into a session: its programs by name, each run to its end on the calling thread. */
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import { deviceError } from '../cuda/device-failures.js';
import type { HostBuffer } from '../graph-types.js';
import type { TensorflowBinding } from './binding.js';
import { loadSession } from './compile-graph.js';
import { bufferOf, runSession } from './host-tensors.js';
import { writeResident } from './resident-program.js';
import type { ProgramBorder, ResidentModel, ResidentOptions } from './resident-program.js';

type Buffers = Readonly<Record<string, HostBuffer>>;

export class ResidentSession {
  readonly #binding: TensorflowBinding;
  readonly #session: number;
  readonly #programs: ReadonlyMap<string, ProgramBorder>;
  readonly #floatsAsInt32: boolean;

  /** @throws MicrotuneError `internal` when TensorFlow refuses a graph */
  constructor(binding: TensorflowBinding, model: ResidentModel, options: ResidentOptions) {
    const { bytes, programs } = writeResident(model, options);
    this.#binding = binding;
    this.#session = loadSession(binding, bytes);
    this.#programs = programs;
    this.#floatsAsInt32 = options.floatsAsInt32;
  }

  /**
   * Runs a program; blocks the thread. `inputs` and `outputs` are those of its graph that are no variables.
   * @throws MicrotuneError `internal` for an unknown program, a missing or wrongly sized buffer; `transient` when
   *   TensorFlow fails: what the variables hold is unknown then, and the process should end
   */
  run(name: string, inputs: Buffers, outputs: Buffers = {}): void {
    const program = this.#programs.get(name);
    assert(program !== undefined, `there is no resident program "${name}"`);
    const buffers = program.inputs.map((spec) => bufferOf(spec, inputs));
    const taken = program.outputs.map((spec) => bufferOf(spec, outputs));
    const results = this.#compute(name, program, buffers);
    taken.forEach((buffer, index) => {
      buffer.set(results[index]!);
    });
  }

  /** Frees the variables with the session. */
  dispose(): void {
    this.#binding.deleteSavedModel(this.#session);
  }

  #compute(name: string, program: ProgramBorder, buffers: readonly HostBuffer[]): HostBuffer[] {
    const { inputs, outputs, done } = program;
    try {
      return runSession(this.#binding, {
        session: this.#session,
        inputs,
        buffers,
        floatsAsInt32: this.#floatsAsInt32,
        feeds: inputs.map(({ node }) => `${node}:0`).join(','),
        fetches: [...outputs.map(({ node }) => `${node}:0`), `${done}:0`].join(','),
      });
    } catch (cause) {
      const text = `TensorFlow failed in ${name}: ${messageOf(cause)}`;
      const { code, message } = deviceError(text, 'transient');
      throw new MicrotuneError(code, message, { cause });
    }
  }
}
