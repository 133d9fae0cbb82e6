/** StableHLO text in, loaded program out, through the cache: the plugin, its one client and its device. */
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { MicrotuneError } from '@microtune/shared';
import { cpuFlags } from '../cpu-flags.js';
import { cacheKey } from './compilation-cache.js';
import type { CompilationCache } from './compilation-cache.js';
import { askCudaDriver } from '../cuda/cuda-driver.js';
import { explainNoGpu } from '../cuda/explain-no-gpu.js';
import { withVariables } from './native-environment.js';
import type { NativeEnvironment } from './native-environment.js';
import { PjrtClient } from './pjrt/client.js';
import { encodeCompileOptions } from './pjrt/compile-options.js';
import type { PjrtDevice } from './pjrt/device.js';
import type { PjrtExecutable } from './pjrt/executable.js';
import { PjrtError } from './pjrt/pjrt-error.js';
import { PjrtPlugin } from './pjrt/plugin.js';
import { clientOptions, debugOptions, nativeVariables } from './platform.js';
import type { DeviceOptions, XlaPlatform } from './platform.js';

export interface XlaPlugin {
  /** Full path of the shared library. */
  readonly file: string;
  readonly platform: XlaPlatform;
  /** Folder of CUDA's libraries and tools, when they are not the system's. */
  readonly cudaFolder?: string;
}

export interface CompilerOptions extends DeviceOptions {
  readonly plugin: XlaPlugin;
  readonly environment: NativeEnvironment;
  readonly cache: CompilationCache | undefined;
}

export interface CompiledProgram {
  readonly client: PjrtClient;
  readonly device: PjrtDevice;
  readonly executable: PjrtExecutable;
  readonly origin: 'compiled' | 'cache';
}

export class XlaCompiler {
  readonly client: PjrtClient;
  readonly device: PjrtDevice;
  readonly #options: CompilerOptions;
  readonly #machine: string;

  /** @throws MicrotuneError `usage` when the plugin does not load or has no device here */
  constructor(options: CompilerOptions) {
    const { file, platform } = options.plugin;
    this.#options = options;
    this.client = withVariables(options.environment, nativeVariables(platform), () =>
      connect(new PjrtPlugin(file), options),
    );
    this.device = this.client.devices[0]!;
    this.#machine = machineIdentity(this.client, this.device, file);
  }

  get apiVersion(): string {
    return this.client.plugin.apiVersion;
  }

  /** @throws PjrtError when the program is refused */
  async compile(program: string): Promise<CompiledProgram> {
    const { client, device } = this;
    const { plugin, cache } = this.#options;
    const options = {
      deviceId: device.id,
      debugOptions: debugOptions(plugin.platform, plugin.cudaFolder),
    };
    const key = cacheKey([program, encodeCompileOptions(options), this.#machine]);
    const cached = await loadCached(client, cache, key);
    if (cached !== undefined) return { client, device, executable: cached, origin: 'cache' };
    const executable = await client.compile(program, options);
    await store(executable, cache, key);
    return { client, device, executable, origin: 'compiled' };
  }

  /** Everything made by its client must be gone. */
  dispose(): void {
    this.client.destroy();
  }
}

function connect(plugin: PjrtPlugin, options: CompilerOptions): PjrtClient {
  const { platform } = options.plugin;
  try {
    return new PjrtClient(plugin, clientOptions(platform, options));
  } catch (error) {
    if (platform !== 'cuda' || !(error instanceof PjrtError)) throw error;
    const needed = plugin.attributes()['cuda_version'];
    const version = typeof needed === 'bigint' ? Number(needed) : undefined;
    throw explainNoGpu(askCudaDriver(), version, error.detail);
  }
}

/** What else decides a compiled program: the plugin's file and version, the device, on a CPU its instructions. */
function machineIdentity(client: PjrtClient, device: PjrtDevice, file: string): string {
  const { size, mtimeMs } = statSync(file);
  const attributes = [client.plugin.attributes(), device.attributes].map((values) =>
    JSON.stringify(values, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
  );
  const cpu = client.platform === 'cpu' ? cpuFeatures() : '';
  const version = `${client.plugin.apiVersion} ${client.platformVersion}`;
  return [file, size, mtimeMs, version, ...attributes, device.kind, cpu].join(' ');
}

async function loadCached(
  client: PjrtClient,
  cache: CompilationCache | undefined,
  key: string,
): Promise<PjrtExecutable | undefined> {
  const bytes = await cache?.load(key);
  if (bytes === undefined) return undefined;
  try {
    return await client.deserialize(bytes);
  } catch (error) {
    if (!(error instanceof MicrotuneError)) throw error;
    await cache?.remove(key);
    return undefined;
  }
}

async function store(
  executable: PjrtExecutable,
  cache: CompilationCache | undefined,
  key: string,
): Promise<void> {
  if (cache === undefined) return;
  try {
    await cache.store(key, executable.serialize());
  } catch (error) {
    // A plugin that cannot serialize compiles anew each time.
    if (!(error instanceof PjrtError)) throw error;
  }
}

/** Machine code is made for the instructions that this CPU has; its name alone does not tell under a hypervisor. */
function cpuFeatures(): string {
  return [cpus()[0]?.model ?? '', ...(cpuFlags() ?? [])].join(' ');
}
