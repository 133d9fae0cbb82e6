/** Resident state over PJRT: one device buffer per tensor, gradients as single vectors, updates by donation. */
import { MicrotuneError, assert } from '@microtune/shared';
import type { CompileOptions } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph } from '../graph/graph.js';
import type { TensorSpec } from '../graph-types.js';
import type { HostTensor } from './pjrt/client.js';
import type { PjrtBuffer } from './pjrt/buffer.js';
import { checkBuffer, ResidentProgram } from './resident-program.js';
import { checkStateInputs } from '../resident/check-state-inputs.js';
import { nextValue } from '../resident/resident.js';
import type {
  ApplyProgram,
  DeviceGradient,
  DeviceState,
  GradientProgram,
  HostBuffers,
  StateTensor,
} from '../resident/resident.js';
import { toStableHlo } from './stablehlo/to-stablehlo.js';
import type { StableHloOptions } from './stablehlo/to-stablehlo.js';
import type { XlaCompiler } from './xla-compiler.js';

export interface ResidentOptions {
  readonly compiler: XlaCompiler;
  readonly tf32: boolean;
  /** Called once, when everything is freed. */
  onDispose(): void;
}

/** A gradient of ours: a buffer until somebody takes it. */
class XlaGradient implements DeviceGradient {
  readonly count: number;
  readonly #alive: Set<XlaGradient>;
  #buffer: PjrtBuffer | undefined;

  /** @param alive the state's gradients that hold a buffer */
  constructor(buffer: PjrtBuffer, count: number, alive: Set<XlaGradient>) {
    this.#buffer = buffer;
    this.count = count;
    this.#alive = alive.add(this);
  }

  get buffer(): PjrtBuffer {
    assert(this.#buffer !== undefined, 'a gradient was used that was taken or freed');
    return this.#buffer;
  }

  take(): PjrtBuffer {
    const { buffer } = this;
    this.#buffer = undefined;
    this.#alive.delete(this);
    return buffer;
  }

  dispose(): void {
    this.#buffer?.destroy();
    this.#buffer = undefined;
    this.#alive.delete(this);
  }
}

export class XlaState implements DeviceState {
  readonly #options: ResidentOptions;
  readonly #specs: ReadonlyMap<string, TensorSpec>;
  readonly #buffers = new Map<string, PjrtBuffer>();
  readonly #programs = new Set<ResidentProgram>();
  readonly #sums = new Map<number, ResidentProgram>();
  readonly #gradients = new Set<XlaGradient>();
  #disposed = false;

  /** @throws MicrotuneError `transient` when the device has no room */
  static async open(tensors: readonly StateTensor[], options: ResidentOptions): Promise<XlaState> {
    const state = new XlaState(tensors, options);
    try {
      await state.restore(Object.fromEntries(tensors.map(({ name, data }) => [name, data])));
      return state;
    } catch (error) {
      state.dispose();
      throw error;
    }
  }

  private constructor(tensors: readonly TensorSpec[], options: ResidentOptions) {
    this.#specs = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.#options = options;
  }

  async compileGradient(
    graph: Graph,
    { gradient, precision }: CompileOptions & { readonly gradient: string | undefined },
  ): Promise<GradientProgram> {
    checkStateInputs(this.#specs, graph);
    const count = graph.outputs.find(({ name }) => name === gradient)?.shape[0];
    const resident = (name: string) => this.#specs.has(name) || name === gradient;
    const program = await this.#compile(graph, { precision, tf32: this.#options.tf32 }, resident);
    await this.#prepareSum(count);
    return {
      batch: program.sent,
      peakBytes: program.peakBytes,
      run: async (from, to) => {
        const { kept, done } = program.launch((name) => this.#buffer(name), { from, to });
        const buffer = gradient === undefined ? undefined : kept.get(gradient);
        await done.catch((error: unknown) => {
          buffer?.destroy();
          throw error;
        });
        return buffer === undefined
          ? undefined
          : new XlaGradient(buffer, count ?? 0, this.#gradients);
      },
      dispose: () => {
        this.#drop(program);
      },
    };
  }

  async compileApply(
    graph: Graph,
    { gradient, precision }: CompileOptions & { readonly gradient: string },
  ): Promise<ApplyProgram> {
    checkStateInputs(this.#specs, graph);
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    const changed = graph.inputs
      .map(({ name }) => name)
      .filter((name) => outputs.has(nextValue(name)));
    const donate = Object.fromEntries(changed.map((name) => [name, nextValue(name)]));
    const next = new Set(Object.values(donate));
    const resident = (name: string) => this.#specs.has(name) || name === gradient || next.has(name);
    const program = await this.#compile(
      graph,
      { precision, tf32: this.#options.tf32, donate },
      resident,
    );
    return {
      scalars: program.sent,
      peakBytes: program.peakBytes,
      run: async (given, from, to) => {
        const taken = ours(given).take();
        const bind = (name: string) => (name === gradient ? taken : this.#buffer(name));
        const { kept, done } = program.launch(bind, { from, to });
        for (const name of changed) this.#replace(name, kept.get(nextValue(name)));
        await done.finally(() => {
          taken.destroy();
        });
      },
      dispose: () => {
        this.#drop(program);
      },
    };
  }

  freeBytes(): number | undefined {
    const memory = this.#options.compiler.device.memory();
    if (memory?.bytesLimit === undefined) return undefined;
    return Math.max(0, memory.bytesLimit - memory.bytesInUse);
  }

  accumulate(left: DeviceGradient, right: DeviceGradient): DeviceGradient {
    const sum = this.#sums.get(left.count);
    assert(
      sum !== undefined && left.count === right.count,
      'gradients of different models were added',
    );
    const [a, b] = [ours(left).take(), ours(right).take()];
    const { kept, done } = sum.launch((name) => (name === 'left' ? a : b), { from: {}, to: {} });
    const buffer = kept.get('sum');
    // What fails here fails again where the sum is read.
    void done
      .catch(() => undefined)
      .then(() => {
        for (const each of [a, b]) each.destroy();
      });
    if (buffer === undefined)
      throw new MicrotuneError('transient', 'XLA could not add two gradients');
    return new XlaGradient(buffer, left.count, this.#gradients);
  }

  async download(gradient: DeviceGradient, start: number, into: Float32Array): Promise<void> {
    assert(
      start >= 0 && start + into.length <= gradient.count,
      'a range outside the gradient was read',
    );
    await ours(gradient).buffer.readRange(start * Float32Array.BYTES_PER_ELEMENT, into);
  }

  async upload(values: Float32Array): Promise<DeviceGradient> {
    const buffer = await this.#send({ data: values, shape: [values.length], dtype: 'float32' });
    return new XlaGradient(buffer, values.length, this.#gradients);
  }

  async snapshot(into: HostBuffers): Promise<void> {
    for (const [name, data] of Object.entries(into)) {
      checkBuffer(this.#spec(name), data);
      await this.#buffer(name).read(data);
    }
  }

  async restore(from: HostBuffers): Promise<void> {
    for (const [name, data] of Object.entries(from)) {
      const spec = this.#spec(name);
      checkBuffer(spec, data);
      this.#replace(name, await this.#send({ data, shape: spec.shape, dtype: spec.dtype }));
    }
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    void Promise.all([...this.#programs].map((program) => program.dispose())).then(() => {
      for (const gradient of this.#gradients) gradient.dispose();
      for (const buffer of this.#buffers.values()) buffer.destroy();
      this.#options.onDispose();
    });
  }

  async #compile(
    graph: Graph,
    options: StableHloOptions,
    resident: (name: string) => boolean,
  ): Promise<ResidentProgram> {
    const compiled = await this.#options.compiler.compile(toStableHlo(graph, options));
    const program = new ResidentProgram({ program: compiled, graph, resident });
    this.#programs.add(program);
    return program;
  }

  /** left + right of so many values, in left's memory. */
  async #prepareSum(count: number | undefined): Promise<void> {
    if (count === undefined || this.#sums.has(count)) return;
    const build = new GraphBuilder();
    const inputs = [
      build.input('left', [count], 'float32'),
      build.input('right', [count], 'float32'),
    ];
    const graph = build.finish({ sum: build.add('add', inputs, {}) });
    const options = { precision: 'f32', tf32: false, donate: { left: 'sum' } } as const;
    this.#sums.set(count, await this.#compile(graph, options, () => true));
  }

  #drop(program: ResidentProgram): void {
    void program.dispose().then(() => this.#programs.delete(program));
  }

  async #send(tensor: HostTensor): Promise<PjrtBuffer> {
    const { client, device } = this.#options.compiler;
    const { buffer, transferred } = client.upload(tensor, device, 'until-transferred');
    await client.plugin.settle(transferred);
    return buffer;
  }

  #replace(name: string, buffer: PjrtBuffer | undefined): void {
    this.#buffers.get(name)?.destroy();
    if (buffer === undefined) this.#buffers.delete(name);
    else this.#buffers.set(name, buffer);
  }

  #buffer(name: string): PjrtBuffer {
    const buffer = this.#buffers.get(name);
    assert(buffer !== undefined, `the state on the device was lost ("${name}")`);
    return buffer;
  }

  #spec(name: string): TensorSpec {
    const spec = this.#specs.get(name);
    assert(spec !== undefined, `"${name}" is no state tensor`);
    return spec;
  }
}

function ours(gradient: DeviceGradient): XlaGradient {
  assert(gradient instanceof XlaGradient, 'a gradient of another engine was given');
  return gradient;
}
