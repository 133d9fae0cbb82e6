/** The engine over a PJRT plugin: the graph as StableHLO text, compiled and run by XLA. */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { MicrotuneError } from '@microtune/shared';
import type { CompileOptions, Engine, EngineUnavailable } from '../engine.js';
import type { Graph } from '../graph/graph.js';
import { NoGpuError } from '../cuda/explain-no-gpu.js';
import { setupCommand } from '../setup/setup-command.js';
import { folderCache } from './compilation-cache.js';
import type { NativeEnvironment } from './native-environment.js';
import type { ResidentEngine } from '../resident/resident.js';
import type { XlaPlatform } from './platform.js';
import { XlaState } from './resident-state.js';
import { toStableHlo } from './stablehlo/to-stablehlo.js';
import { XlaCompiler } from './xla-compiler.js';
import type { XlaPlugin } from './xla-compiler.js';
import { XlaExecutable } from './xla-executable.js';

export interface XlaOptions {
  /** Of a ready `xlaStatus`. */
  readonly plugin: XlaPlugin;
  /** process.env: the plugin reads its number of threads there and nowhere else. */
  readonly environment: NativeEnvironment;
  /** Folder of compiled programs; undefined compiles anew each time. */
  readonly cacheFolder: string | undefined;
  /** Number of the GPU. @default 0 */
  readonly ordinal?: number | undefined;
  /** Share of the GPU's memory that this process may take. @default 0.9 */
  readonly memoryFraction?: number | undefined;
  /** Lets a GPU multiply float32 matrices with 10 bits of mantissa. @default false */
  readonly tf32?: boolean | undefined;
}

/** `threads` of CompileOptions is not followed: see cpuPoolThreads. */
export interface XlaEngine extends Omit<Engine, 'init'>, ResidentEngine {
  compile(graph: Graph, options: CompileOptions): Promise<XlaExecutable>;
}

/** Loads the plugin and opens its device, or says why it cannot. Never throws for what the user can mend. */
export async function loadXla(options: XlaOptions): Promise<XlaEngine | EngineUnavailable> {
  const { plugin } = options;
  if (!existsSync(plugin.file))
    return unavailable(`${plugin.file} does not exist`, plugin.platform);
  try {
    return openEngine(plugin, options);
  } catch (error) {
    if (!(error instanceof MicrotuneError)) throw error;
    const found = unavailable(error.message, plugin.platform);
    return error instanceof NoGpuError ? { ...found, remedy: undefined } : found;
  }
}

function unavailable(reason: string, platform: XlaPlatform): EngineUnavailable {
  return { name: 'xla', reason, remedy: setupCommand('xla', platform) };
}

function openEngine(plugin: XlaPlugin, options: XlaOptions): XlaEngine {
  const compiler = new XlaCompiler({
    plugin,
    environment: options.environment,
    cache: options.cacheFolder === undefined ? undefined : folderCache(options.cacheFolder),
    ordinal: options.ordinal ?? 0,
    memoryFraction: options.memoryFraction,
  });
  const onCpu = plugin.platform === 'cpu';
  const device = onCpu ? (cpus()[0]?.model ?? 'cpu') : compiler.device.kind;
  let alive = 0;
  let disposed = false;
  // A client must outlive what it made.
  const release = () => {
    alive--;
    if (disposed && alive === 0) compiler.dispose();
  };
  const compile = async (graph: Graph, { precision }: CompileOptions): Promise<XlaExecutable> => {
    const text = toStableHlo(graph, {
      precision,
      tf32: options.tf32 ?? false,
      spareOutputs: onCpu,
    });
    alive++;
    const program = await compiler.compile(text).catch((error: unknown) => {
      release();
      throw error;
    });
    const { inputs, outputs } = graph;
    return new XlaExecutable({ program, inputs, outputs, sharesMemory: onCpu, onDispose: release });
  };
  const init: ResidentEngine['init'] = async (tensors) => {
    alive++;
    return XlaState.open(tensors, { compiler, tf32: options.tf32 ?? false, onDispose: release });
  };
  return {
    name: 'xla',
    version: `PJRT ${compiler.apiVersion}`,
    device,
    precisions: ['f32', 'bf16'],
    compile,
    compileFirst: onCpu ? undefined : 'largest',
    init,
    dispose: () => {
      disposed = true;
      if (alive === 0) compiler.dispose();
    },
  };
}
