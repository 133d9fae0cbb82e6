/** A compiled graph over the caller's own buffers: checks, one run at a time, and what an error means. */
import { MicrotuneError, assert } from '@microtune/shared';
import type { Executable } from '../engine.js';
import { bufferFits } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import { runOnDevice } from './device-run.js';
import { HostRun } from './host-run.js';
import type { Bound } from './host-run.js';
import { PjrtError } from './pjrt/pjrt-error.js';
import type { CompiledProgram } from './xla-compiler.js';

type Buffers = Readonly<Record<string, HostBuffer>>;

export interface ExecutableOptions {
  readonly program: CompiledProgram;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Host memory is the device's: the program was lowered with a spare argument per output. */
  readonly sharesMemory: boolean;
  /** Called once, when everything is freed. */
  readonly onDispose: () => void;
}

export class XlaExecutable implements Executable {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Whether the program came from the cache on disk. */
  readonly origin: CompiledProgram['origin'];
  readonly #options: ExecutableOptions;
  readonly #hostRun: HostRun | undefined;
  #running = false;
  #disposed = false;
  #freed = false;

  constructor(options: ExecutableOptions) {
    this.inputs = options.inputs;
    this.outputs = options.outputs;
    this.origin = options.program.origin;
    this.#options = options;
    this.#hostRun = options.sharesMemory ? new HostRun(options.program) : undefined;
  }

  /**
   * @throws MicrotuneError `internal` for a missing or wrongly sized buffer, a second run at the same time, or a run
   *   after `dispose`; `transient` when XLA fails or the device is lost, `usage` when its memory is too small
   */
  async run(inputs: Buffers, outputs: Buffers): Promise<void> {
    assert(!this.#disposed, 'a disposed executable was run');
    assert(!this.#running, 'an executable was run twice at the same time');
    const from = this.inputs.map((spec) => bind(spec, inputs));
    const to = this.outputs.map((spec) => bind(spec, outputs));
    this.#running = true;
    try {
      await (this.#hostRun?.run(from, to) ?? runOnDevice(this.#options.program, from, to));
    } catch (error) {
      throw explained(error, this.#options);
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

  #free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#options.program.executable.destroy();
    this.#options.onDispose();
  }
}

function bind(spec: TensorSpec, buffers: Buffers): Bound {
  const data = buffers[spec.name];
  const wanted = `${spec.dtype} [${spec.shape.join(', ')}] of "${spec.name}"`;
  assert(data !== undefined, `no buffer was given for ${wanted}`);
  const given = `${data.constructor.name} of ${String(data.length)} values`;
  assert(bufferFits(data, spec.shape, spec.dtype), `a ${given} was given for ${wanted}`);
  return { spec, data };
}

/** Out of memory names the program and what it needs; the rest says enough by itself. */
export function explained(
  error: unknown,
  { program, inputs }: Pick<ExecutableOptions, 'program' | 'inputs'>,
): unknown {
  if (!(error instanceof PjrtError) || error.status !== 'RESOURCE_EXHAUSTED') return error;
  const { argumentBytes, outputBytes, aliasBytes, temporaryBytes } = program.executable.memory();
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  const batch = inputs.filter(({ dtype }) => dtype === 'int32');
  const shapes = batch.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
  return new MicrotuneError(
    'usage',
    `out of memory on ${program.device.description}: the program for ${shapes} needs ${megabytes(argumentBytes)} of ` +
      `inputs, ${megabytes(outputBytes - aliasBytes)} of outputs and ${megabytes(temporaryBytes)} in between. ` +
      `Lower --micro_batch_tokens or --max_seq_length. XLA: ${error.detail}`,
    { cause: error },
  );
}
