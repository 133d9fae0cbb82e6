/** The training state on a device: what is put there, and the two kinds of programs over it. */
import {
  adamwNames,
  packGradient,
  traceAdamW,
  type ApplyProgram,
  type CompileOptions,
  type DeviceState,
  type Graph,
  type GradientProgram,
  type HostBuffers,
  type ResidentEngine,
  type TensorSpec,
} from '@microtune/engine';
import {
  graphNames,
  type AdamWSettings,
  type ParameterLayout,
  type TrainingState,
} from '@microtune/models';
import type { GraphKind } from '../shard-graphs.js';
import { requireMemory } from './require-memory.js';

export interface ResidentOptions {
  readonly engine: ResidentEngine;
  readonly compile: CompileOptions;
  readonly state: TrainingState;
  readonly settings: AdamWSettings;
}

/** A compiled graph over the state. */
export interface ShardProgram {
  readonly program: GradientProgram;
  /** What a run gives to the host. */
  readonly outputs: readonly TensorSpec[];
}

export class ResidentTraining {
  readonly device: DeviceState;
  readonly update: ApplyProgram;
  readonly #options: ResidentOptions;
  /** The dense state on the host, by the names it has on the device. */
  readonly #host: HostBuffers;

  private constructor(options: ResidentOptions, opened: Opened) {
    this.#options = options;
    this.device = opened.device;
    this.update = opened.update;
    this.#host = opened.host;
  }

  /** Puts the state on the device as it is on the host. @throws MicrotuneError `usage` when it has no room */
  static async open(options: ResidentOptions): Promise<ResidentTraining> {
    const { engine, compile, state, settings } = options;
    const { layout } = state;
    const dense = denseParameters(layout);
    const host: HostBuffers = {
      ...Object.fromEntries(dense.map((each) => [each.name, state.parameters.view(each)])),
      [adamwNames.m]: state.m.dense.view,
      [adamwNames.v]: state.v.dense.view,
    };
    const fixed = state.frozen.parameters.filter(({ gradient }) => gradient === 'dense');
    const shapes = new Map([...dense, ...fixed].map(({ name, shape }) => [name, shape]));
    // What is not trained goes up once, and never comes back.
    const frozen = fixed.map((each) => [each.name, state.frozen.view(each)] as const);
    const device = await engine.init(
      [...Object.entries(host), ...frozen].map(([name, data]) => ({
        name,
        shape: shapes.get(name) ?? [layout.denseCount],
        dtype: 'float32',
        data,
      })),
    );
    const graph = traceAdamW({
      ...settings,
      count: layout.denseCount,
      parameters: dense.map(({ name, shape, decay, rateFactor }) => ({
        name,
        shape,
        decay,
        rateFactor,
        place: layout.places.get(name)!,
      })),
    });
    const update = await device.compileApply(graph, { ...compile, gradient: adamwNames.gradient });
    const training = new ResidentTraining(options, { device, update, host });
    requireMemory({
      what: 'the update',
      needBytes: update.peakBytes + training.gradientBytes,
      freeBytes: device.freeBytes(),
    });
    return training;
  }

  get gradientBytes(): number {
    return this.#options.state.layout.denseCount * Float32Array.BYTES_PER_ELEMENT;
  }

  /** @param graph as the model's program traces it; with dense gradients when it is for training */
  async compile(kind: GraphKind, graph: Graph): Promise<ShardProgram> {
    const { compile, state } = this.#options;
    if (kind === 'evaluation') {
      const program = await this.device.compileGradient(graph, { ...compile, gradient: undefined });
      return { program, outputs: graph.outputs };
    }
    const { layout } = state;
    const places = new Map(
      [...layout.places].map(([name, place]) => [graphNames.gradient(name), place]),
    );
    const gradient = adamwNames.gradient;
    const packed = packGradient(graph, { places, count: layout.denseCount, name: gradient });
    const program = await this.device.compileGradient(packed, { ...compile, gradient });
    return { program, outputs: packed.outputs.filter(({ name }) => name !== gradient) };
  }

  /** Copies the dense state to the host's. */
  download(): Promise<void> {
    return this.device.snapshot(this.#host);
  }

  /** Copies the host's dense state here. */
  upload(): Promise<void> {
    return this.device.restore(this.#host);
  }
}

interface Opened {
  readonly device: DeviceState;
  readonly update: ApplyProgram;
  readonly host: HostBuffers;
}

/** Those with a place in the dense block; tables stay on the host. */
function denseParameters(layout: ParameterLayout) {
  return layout.parameters.filter(({ name }) => layout.places.has(name));
}
