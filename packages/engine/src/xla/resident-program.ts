/**
 * One graph over resident state: binds state by name, sends the rest of the inputs, launches, and gives the outputs
 * out by what they are: new state, the gradient, or numbers for the host.
 */
import { assert } from '@microtune/shared';
import type { Graph } from '../graph/graph.js';
import { bufferFits, tensorBytes } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import type { PjrtBuffer } from './pjrt/buffer.js';
import type { Pointer } from './pjrt/c-api.js';
import type { CompiledProgram } from './xla-compiler.js';
import type { HostBuffers } from '../resident/resident.js';
import { explained } from './xla-executable.js';

export interface ProgramOptions {
  readonly program: CompiledProgram;
  readonly graph: Graph;
  /** Inputs and outputs that are on the device before and after: state, gradient. */
  readonly resident: (name: string) => boolean;
}

export interface Launched {
  /** Outputs that stay on the device, by name; theirs who launched. */
  readonly kept: ReadonlyMap<string, PjrtBuffer>;
  /** Settles when the outputs for the host are there and all host memory is free again. */
  readonly done: Promise<void>;
}

export class ResidentProgram {
  /** What the host sends. */
  readonly sent: readonly TensorSpec[];
  /** Beside what is on the device before: what is sent, what comes out, what is needed in between. */
  readonly peakBytes: number;
  readonly #options: ProgramOptions;
  readonly #underWay = new Set<Promise<void>>();
  #disposed = false;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.sent = options.graph.inputs.filter(({ name }) => !options.resident(name));
    const { outputBytes, aliasBytes, temporaryBytes } = options.program.executable.memory();
    const sentBytes = this.sent.reduce((sum, spec) => sum + tensorBytes(spec), 0);
    this.peakBytes = sentBytes + outputBytes - aliasBytes + temporaryBytes;
  }

  /**
   * @param onDevice the buffer of a resident input
   * @throws MicrotuneError `internal` for wrong buffers; `done` rejects with what the device fails with
   */
  launch(
    onDevice: (name: string) => PjrtBuffer,
    host: { from: HostBuffers; to: HostBuffers },
  ): Launched {
    assert(!this.#disposed, 'a disposed program was run');
    const { graph, resident, program } = this.#options;
    for (const spec of this.sent) checkBuffer(spec, host.from[spec.name]);
    const received = graph.outputs.filter(({ name }) => !resident(name));
    for (const spec of received) checkBuffer(spec, host.to[spec.name]);
    const pending: Pointer[] = [];
    const uploads: PjrtBuffer[] = [];
    try {
      const args = graph.inputs.map((spec) => {
        if (resident(spec.name)) return onDevice(spec.name);
        const tensor = { data: host.from[spec.name]!, shape: spec.shape, dtype: spec.dtype };
        const { buffer, transferred } = program.client.upload(
          tensor,
          program.device,
          'until-transferred',
        );
        pending.push(transferred);
        uploads.push(buffer);
        return buffer;
      });
      const { outputs, complete } = program.executable.launch(args);
      pending.push(complete);
      const kept = new Map<string, PjrtBuffer>();
      const dropped = [...uploads];
      graph.outputs.forEach(({ name }, i) => {
        const output = outputs[i]!;
        if (resident(name)) {
          kept.set(name, output);
        } else {
          pending.push(output.startRead(host.to[name]!));
          dropped.push(output);
        }
      });
      return { kept, done: this.#follow(this.#settle(pending, dropped)) };
    } catch (error) {
      return { kept: new Map(), done: this.#follow(this.#settle(pending, uploads, error)) };
    }
  }

  /** Frees the program when its last launch is done. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await Promise.allSettled(this.#underWay);
    this.#options.program.executable.destroy();
  }

  #follow(done: Promise<void>): Promise<void> {
    this.#underWay.add(done);
    const forget = () => this.#underWay.delete(done);
    done.then(forget, forget);
    return done;
  }

  /** Waits for every event, frees what is not kept, then throws the first failure. */
  async #settle(
    events: readonly Pointer[],
    buffers: readonly PjrtBuffer[],
    failure?: unknown,
  ): Promise<void> {
    const { program, graph } = this.#options;
    const failures: unknown[] = failure === undefined ? [] : [failure];
    for (const event of events) {
      await program.client.plugin.settle(event).catch((error: unknown) => failures.push(error));
    }
    for (const buffer of buffers) buffer.destroy();
    if (failures.length > 0) throw explained(failures[0], { program, inputs: graph.inputs });
  }
}

export function checkBuffer(
  { name, shape, dtype }: TensorSpec,
  data: HostBuffer | undefined,
): void {
  const wanted = `${dtype} [${shape.join(', ')}] of "${name}"`;
  assert(data !== undefined, `no buffer was given for ${wanted}`);
  const given = `${data.constructor.name} of ${data.length} values`;
  assert(bufferFits(data, shape, dtype), `a ${given} was given for ${wanted}`);
}
