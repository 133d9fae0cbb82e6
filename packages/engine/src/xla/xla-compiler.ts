/**
 * StableHLO text in, loaded program out, through the cache. One client per number of threads: XLA's CPU pool belongs to
 * the client, and its size is read from the environment when the client is made; on a GPU there is one client.
 */
import { readFileSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { MicrotuneError } from '@microtune/shared';
import { cacheKey } from './compilation-cache.js';
import type { CompilationCache } from './compilation-cache.js';
import { explainNoGpu, findCudaDriver } from './cuda-driver.js';
import { withVariables } from './native-environment.js';
import type { NativeEnvironment } from './native-environment.js';
import { PjrtClient } from './pjrt/client.js';
import { encodeCompileOptions } from './pjrt/compile-options.js';
import type { PjrtDevice } from './pjrt/device.js';
import type { PjrtExecutable } from './pjrt/executable.js';
import { PjrtError } from './pjrt/pjrt-error.js';
import { PjrtPlugin } from './pjrt/plugin.js';
import { clientOptions, debugOptions } from './platform.js';
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

/** XLA's own log goes to the standard error output; only its errors belong there. */
const quiet = { TF_CPP_MIN_LOG_LEVEL: '2' } as const;

export class XlaCompiler {
  readonly #options: CompilerOptions;
  readonly #plugin: PjrtPlugin;
  readonly #clients = new Map<number, PjrtClient>();
  readonly #pluginIdentity: string;

  /** @throws MicrotuneError `usage` when the plugin does not load */
  constructor(options: CompilerOptions) {
    const { file } = options.plugin;
    this.#options = options;
    this.#plugin = withVariables(options.environment, quiet, () => new PjrtPlugin(file));
    const { size, mtimeMs } = statSync(file);
    const attributes = JSON.stringify(this.#plugin.attributes(), (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    this.#pluginIdentity = `${this.#plugin.apiVersion} ${attributes} ${String(size)} ${String(mtimeMs)}`;
  }

  get apiVersion(): string {
    return this.#plugin.apiVersion;
  }

  /** The client for a number of threads. @throws MicrotuneError `usage` when the platform has no device here */
  client(threads: number): PjrtClient {
    const { plugin, environment } = this.#options;
    const key = plugin.platform === 'cpu' ? threads : 0;
    let client = this.#clients.get(key);
    if (client === undefined) {
      const variables = {
        ...quiet,
        ...(plugin.platform === 'cpu' ? { NPROC: String(threads) } : {}),
      };
      client = withVariables(environment, variables, () => this.#connect());
      this.#clients.set(key, client);
    }
    return client;
  }

  /** @throws PjrtError when the program is refused */
  async compile(program: string, threads: number): Promise<CompiledProgram> {
    const client = this.client(threads);
    const device = client.devices[0]!;
    const { plugin, cache } = this.#options;
    const options = {
      deviceId: device.id,
      debugOptions: debugOptions(plugin.platform, plugin.cudaFolder),
    };
    const key = cacheKey([
      program,
      encodeCompileOptions(options),
      this.#machineIdentity(client, device, threads),
    ]);
    const cached = await loadCached(client, cache, key);
    if (cached !== undefined) return { client, device, executable: cached, origin: 'cache' };
    const executable = await client.compile(program, options);
    await store(executable, cache, key);
    return { client, device, executable, origin: 'compiled' };
  }

  /** Everything made by its clients must be gone. */
  dispose(): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  #connect(): PjrtClient {
    const { plugin } = this.#options;
    try {
      return new PjrtClient(this.#plugin, clientOptions(plugin.platform, this.#options));
    } catch (error) {
      if (plugin.platform !== 'cuda' || !(error instanceof PjrtError)) throw error;
      const needed = this.#plugin.attributes()['cuda_version'];
      throw explainNoGpu(
        findCudaDriver(),
        typeof needed === 'bigint' ? Number(needed) : undefined,
        error.detail,
      );
    }
  }

  #machineIdentity(client: PjrtClient, device: PjrtDevice, threads: number): string {
    const machine =
      this.#options.plugin.platform === 'cpu' ? `${cpuFeatures()} ${String(threads)}` : '';
    const capability = String(device.attributes['compute_capability'] ?? '');
    return `${this.#pluginIdentity} ${client.platformVersion} ${device.kind} ${capability} ${machine}`;
  }
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
  const name = cpus()[0]?.model ?? '';
  try {
    return `${name} ${/^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? ''}`;
  } catch {
    return name;
  }
}
