/**
 * Resident state over one TensorFlow session: a variable per state tensor, one that every gradient is written to, and a
 * row of variables for the sums that wait for their siblings. Moving a gradient between them copies nothing: variables
 * share memory until one is written to.
 *
 * A session knows the graphs it was opened with and no others. A program compiled later makes the session stale: at the
 * next run everything it holds goes to the host (it is *parked* there), and a new session with all programs takes it.
 */
import { MicrotuneError, assert, messageOf } from '@microtune/shared';
import type { CompileOptions, Precision } from '../engine.js';
import { GraphBuilder } from '../graph/graph-builder.js';
import type { Graph } from '../graph/graph.js';
import { bufferFits, hostBuffer } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import { optimize, orderedPasses } from '../optimize.js';
import { checkStateInputs } from '../resident/check-state-inputs.js';
import { peakBytes } from '../resident/peak-bytes.js';
import { howToNeedLess } from '../resident/how-to-need-less.js';
import { nextValue } from '../resident/resident.js';
import type {
  ApplyProgram,
  DeviceGradient,
  DeviceState,
  GradientProgram,
  HostBuffers,
  StateTensor,
} from '../resident/resident.js';
import type { TensorflowBinding } from './binding.js';
import type { ProductPrecision } from './matmul-lowering.js';
import type { ResidentModel, ResidentOptions, ResidentProgram } from './resident-program.js';
import { ResidentSession } from './resident-session.js';

/** Variable that gradients are written to and read from. */
const current = 'gradient';
/** Sums that can wait at once: a worker with 2^15 shards in a step has no more. */
const slotCount = 32;
const slotVariable = (slot: number) => `sum ${String(slot)}`;
const stateVariable = (name: string) => `state ${name}`;

/** A gradient of ours: where it is, until somebody takes it. */
class TensorflowGradient implements DeviceGradient {
  readonly count: number;
  readonly #forget: (gradient: TensorflowGradient) => void;
  place: 'current' | number | undefined = 'current';

  constructor(count: number, forget: (gradient: TensorflowGradient) => void) {
    this.count = count;
    this.#forget = forget;
  }

  dispose(): void {
    if (this.place !== undefined) this.#forget(this);
    this.place = undefined;
  }
}

export interface TensorflowStateOptions extends ResidentOptions {
  /** What bf16 means on the device. */
  readonly bf16: ProductPrecision;
  /** The device adds atomically, as GPUs do. @default false */
  readonly addsInAnyOrder?: boolean;
}

export class TensorflowState implements DeviceState {
  readonly #binding: TensorflowBinding;
  readonly #options: TensorflowStateOptions;
  readonly #specs: ReadonlyMap<string, TensorSpec>;
  readonly #programs = new Map<string, ResidentProgram>();
  readonly #gradients = new Set<TensorflowGradient>();
  /** Values by variable, while no session holds them. */
  #parked: ReadonlyMap<string, HostBuffer>;
  #session: ResidentSession | undefined;
  #isStale = false;
  /** Numbers in a gradient, once one is known. */
  #count: number | undefined;
  #made = 0;
  /** Why nothing can follow. */
  #lost: string | undefined;

  constructor(
    binding: TensorflowBinding,
    tensors: readonly StateTensor[],
    options: TensorflowStateOptions,
  ) {
    this.#binding = binding;
    this.#options = options;
    this.#specs = new Map(
      tensors.map(({ name, shape, dtype }) => [name, { name, shape, dtype }] as const),
    );
    for (const { name, data } of tensors) this.#check(name, data);
    this.#parked = new Map(tensors.map(({ name, data }) => [stateVariable(name), data.slice()]));
  }

  async compileGradient(
    graph: Graph,
    { gradient, precision }: CompileOptions & { readonly gradient: string | undefined },
  ): Promise<GradientProgram> {
    const count = graph.outputs.find(({ name }) => name === gradient)?.shape[0];
    if (count !== undefined) this.#expect(count);
    const writes = gradient === undefined ? {} : { [gradient]: current };
    const { name, fed, peakBytes } = this.#add(graph, { precision, writes });
    return {
      batch: fed,
      peakBytes,
      run: async (batch, outputs) => {
        const session = this.#open();
        if (gradient !== undefined) this.#vacate(session);
        this.#run(session, name, batch, outputs);
        return gradient === undefined ? undefined : this.#computed();
      },
      dispose: () => {
        this.#programs.delete(name);
      },
    };
  }

  async compileApply(
    graph: Graph,
    { gradient, precision }: CompileOptions & { readonly gradient: string },
  ): Promise<ApplyProgram> {
    const count = graph.inputs.find(({ name }) => name === gradient)?.shape[0];
    if (count !== undefined) this.#expect(count);
    const changed = graph.inputs.flatMap(({ name }) =>
      graph.outputs.some((output) => output.name === nextValue(name)) ? [name] : [],
    );
    const writes = Object.fromEntries(
      changed.map((name) => [nextValue(name), stateVariable(name)] as const),
    );
    const { name, fed, peakBytes } = this.#add(graph, { precision, writes, gradient });
    return {
      scalars: fed,
      peakBytes,
      run: async (given, scalars, outputs) => {
        const taken = this.#ours(given);
        const session = this.#open();
        this.#recall(session, taken);
        taken.dispose();
        this.#run(session, name, scalars, outputs);
      },
      dispose: () => {
        this.#programs.delete(name);
      },
    };
  }

  freeBytes(): undefined {
    return undefined;
  }

  accumulate(left: DeviceGradient, right: DeviceGradient): DeviceGradient {
    let [into, from] = [this.#ours(left), this.#ours(right)];
    assert(into.count === from.count, 'gradients of different models were added');
    // a + b and b + a have the same bits: what is current is added to what waits.
    if (into.place === 'current') [into, from] = [from, into];
    const session = this.#open();
    this.#recall(session, from);
    this.#run(session, `add ${String(into.place)}`, {});
    from.dispose();
    return into;
  }

  async download(gradient: DeviceGradient, start: number, into: Float32Array): Promise<void> {
    const { place, count } = this.#ours(gradient);
    const end = start + into.length;
    assert(start >= 0 && end <= count, 'a range outside the gradient was read');
    const whole = into.length === count ? into : new Float32Array(count);
    this.#run(this.#open(), `read ${variableAt(place)}`, {}, { to: whole });
    if (whole !== into) into.set(whole.subarray(start, end));
  }

  async upload(values: Float32Array): Promise<DeviceGradient> {
    this.#expect(values.length);
    const session = this.#open();
    this.#vacate(session);
    this.#run(session, `write ${current}`, { from: values });
    return this.#computed();
  }

  async snapshot(into: HostBuffers): Promise<void> {
    for (const [name, data] of Object.entries(into)) {
      this.#check(name, data);
      const parked = this.#parked.get(stateVariable(name));
      if (parked === undefined)
        this.#run(this.#session!, `read ${stateVariable(name)}`, {}, { to: data });
      else data.set(parked);
    }
  }

  async restore(from: HostBuffers): Promise<void> {
    for (const [name, data] of Object.entries(from)) {
      this.#check(name, data);
      const parked = this.#parked.get(stateVariable(name));
      if (parked === undefined)
        this.#run(this.#session!, `write ${stateVariable(name)}`, { from: data });
      else parked.set(data);
    }
  }

  dispose(): void {
    this.#session?.dispose();
    this.#session = undefined;
    this.#lost ??= 'the state on the device was disposed of';
  }

  /** Takes a graph into the programs. */
  #add(
    given: Graph,
    about: Pick<ResidentProgram, 'writes'> & { precision: Precision; gradient?: string },
  ): { name: string; fed: readonly TensorSpec[]; peakBytes: number } {
    checkStateInputs(this.#specs, given);
    const passes = this.#options.addsInAnyOrder === true ? orderedPasses : undefined;
    const graph = optimize(given, passes);
    const { gradient, precision, writes } = about;
    const variableOf = (name: string) =>
      name === gradient ? current : this.#specs.has(name) ? stateVariable(name) : undefined;
    const reads: Record<string, string> = {};
    const fed: TensorSpec[] = [];
    for (const { name, shape, dtype } of graph.inputs) {
      const variable = variableOf(name);
      if (variable === undefined) fed.push({ name, shape, dtype });
      else reads[name] = variable;
    }
    const shapes = fed
      .filter(({ dtype }) => dtype === 'int32')
      .map((spec) => `${spec.name} [${spec.shape.join(', ')}]`);
    this.#made += 1;
    const purpose = gradient === undefined ? `for ${shapes.join(', ')}` : 'for the update';
    const name = `program ${String(this.#made)} ${purpose}`;
    const products = precision === 'bf16' ? this.#options.bf16 : precision;
    this.#programs.set(name, { graph, precision: products, reads, writes });
    this.#isStale = true;
    const held = (input: TensorSpec) => variableOf(input.name) !== undefined;
    return { name, fed, peakBytes: peakBytes(graph, held) };
  }

  /** All gradients have one size. */
  #expect(count: number): void {
    assert(
      this.#count === undefined || this.#count === count,
      `a gradient of ${String(count)} values in a state of gradients of ${String(this.#count)}`,
    );
    if (this.#count === undefined) this.#isStale = true;
    this.#count = count;
  }

  /** The session with all programs, holding everything. */
  #open(): ResidentSession {
    if (this.#lost !== undefined) throw new MicrotuneError('transient', this.#lost);
    if (this.#session !== undefined && !this.#isStale) return this.#session;
    if (this.#session !== undefined) this.#park(this.#session);
    const session = new ResidentSession(this.#binding, this.#model(), this.#options);
    this.#session = session;
    this.#isStale = false;
    for (const [variable, from] of this.#parked) this.#run(session, `write ${variable}`, { from });
    this.#parked = new Map();
    return session;
  }

  /** Takes all that a session holds to the host, and closes it. */
  #park(session: ResidentSession): void {
    const parked = new Map<string, HostBuffer>();
    for (const { name, shape, dtype } of this.#specs.values())
      parked.set(stateVariable(name), hostBuffer(shape, dtype));
    for (const { place, count } of this.#gradients)
      parked.set(variableAt(place), new Float32Array(count));
    for (const [variable, to] of parked) this.#run(session, `read ${variable}`, {}, { to });
    session.dispose();
    this.#session = undefined;
    this.#parked = parked;
  }

  #model(): ResidentModel {
    const states = [...this.#specs.values()].map((spec) => ({
      ...spec,
      name: stateVariable(spec.name),
    }));
    const slots = Array.from({ length: slotCount }, (_, slot) => slotVariable(slot));
    const gradients = [current, ...slots].flatMap((name): TensorSpec[] =>
      this.#count === undefined ? [] : [{ name, shape: [this.#count], dtype: 'float32' }],
    );
    const variables = [...states, ...gradients];
    const programs = Object.fromEntries(this.#programs);
    for (const spec of variables) {
      programs[`read ${spec.name}`] = move(spec, { reads: spec.name });
      programs[`write ${spec.name}`] = move(spec, { writes: spec.name });
    }
    gradients.slice(1).forEach((spec, slot) => {
      const number = String(slot);
      programs[`keep ${number}`] = move(spec, { reads: current, writes: spec.name });
      programs[`recall ${number}`] = move(spec, { reads: spec.name, writes: current });
      programs[`add ${number}`] = move(spec, { reads: current, adds: spec.name });
    });
    return { variables, programs };
  }

  #computed(): TensorflowGradient {
    const gradient = new TensorflowGradient(this.#count ?? 0, (gone) => {
      this.#gradients.delete(gone);
    });
    this.#gradients.add(gradient);
    return gradient;
  }

  /** Moves what is current, if anything, to a free slot. */
  #vacate(session: ResidentSession): void {
    const taken = new Set([...this.#gradients].map(({ place }) => place));
    const gradient = [...this.#gradients].find(({ place }) => place === 'current');
    if (gradient === undefined) return;
    let slot = 0;
    while (taken.has(slot)) slot++;
    assert(slot < slotCount, `more than ${String(slotCount)} gradients wait on the device`);
    this.#run(session, `keep ${String(slot)}`, {});
    gradient.place = slot;
  }

  /** Makes a gradient the current one. */
  #recall(session: ResidentSession, gradient: TensorflowGradient): void {
    if (gradient.place === 'current') return;
    this.#vacate(session);
    this.#run(session, `recall ${String(gradient.place)}`, {});
    gradient.place = 'current';
  }

  #run(
    session: ResidentSession,
    name: string,
    inputs: HostBuffers,
    outputs: HostBuffers = {},
  ): void {
    if (this.#lost !== undefined) throw new MicrotuneError('transient', this.#lost);
    try {
      session.run(name, inputs, outputs);
    } catch (error) {
      if (error instanceof MicrotuneError && error.code === 'internal') throw error;
      const tooSmall = error instanceof MicrotuneError && error.code === 'usage';
      this.#lost = `${messageOf(error)}${tooSmall ? `. ${howToNeedLess}` : ''}`;
      throw new MicrotuneError(tooSmall ? 'usage' : 'transient', this.#lost, { cause: error });
    }
  }

  #ours(gradient: DeviceGradient): TensorflowGradient {
    assert(gradient instanceof TensorflowGradient, 'a gradient of another engine was given');
    assert(this.#gradients.has(gradient), 'a gradient was used that was taken or freed');
    return gradient;
  }

  #check(name: string, data: HostBuffer): void {
    const spec = this.#specs.get(name);
    assert(spec !== undefined, `"${name}" is no state tensor`);
    const given = `${data.constructor.name} of ${String(data.length)} values`;
    assert(
      bufferFits(data, spec.shape, spec.dtype),
      `a ${given} was given for ${spec.dtype} [${spec.shape.join(', ')}] of "${name}"`,
    );
  }
}

function variableAt(place: TensorflowGradient['place']): string {
  assert(place !== undefined, 'a gradient was used that was taken or freed');
  return place === 'current' ? current : slotVariable(place);
}

/** A program that moves one value: from a variable or `from` on the host, to a variable or `to` on the host. */
function move(
  { shape, dtype }: TensorSpec,
  { reads, writes, adds }: { reads?: string; writes?: string; adds?: string },
): ResidentProgram {
  const build = new GraphBuilder();
  return {
    graph: build.finish({ to: build.input('from', shape, dtype) }),
    precision: 'f32',
    reads: reads === undefined ? {} : { from: reads },
    writes: writes === undefined ? {} : { to: writes },
    adds: adds === undefined ? {} : { to: adds },
  };
}
