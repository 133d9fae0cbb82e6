/** Which engines there are and how each loads: the one table an engine is added to. Only what is used is loaded. */
import { MicrotuneError } from '@microtune/shared';
import type { Engine, EngineName, EngineUnavailable } from './engine.js';
import { rememberedProof } from './proof/proof-file.js';
import { openvinoStatus } from './setup/openvino-manifest.js';
import { setupCommand } from './setup/setup-command.js';
import { tensorflowStatus } from './setup/tensorflow-manifest.js';
import { xlaCompilationFolder, xlaStatus } from './setup/xla-manifest.js';
import type { ProductPrecision } from './tensorflow/matmul-lowering.js';
import type { NativeEnvironment } from './xla/native-environment.js';
import type { XlaPlatform } from './xla/platform.js';

export interface LoadEngineOptions {
  /** Folder where `setup` keeps libraries; without it only what npm brings loads. */
  readonly cacheFolder?: string | undefined;
  /** process.env: tensorflow and xla read settings there, and nowhere else, while they load. @default empty */
  readonly environment?: NativeEnvironment | undefined;
  /** Threads of an engine that has one pool for the process (tensorflow). @default 1 */
  readonly threads?: number | undefined;
  /** Kind of device to compute on; engines for CPUs alone do not look at it. @default cpu */
  readonly platform?: XlaPlatform | undefined;
  /** Share of a card's memory that this process may take. @default 0.9 */
  readonly memoryFraction?: number | undefined;
  /** Lets a card round the factors of float32 products to TF32. @default false */
  readonly tf32?: boolean | undefined;
  /** How tensorflow multiplies in bf16. @default as proved on this machine, else the fastest form */
  readonly products?: ProductPrecision | undefined;
}

const loaders: {
  [Name in EngineName]: (options: LoadEngineOptions) => Promise<Engine | EngineUnavailable>;
} = {
  openvino: async ({ cacheFolder }) => {
    const found = look(cacheFolder, openvinoStatus);
    if (found.state !== 'ready')
      return { name: 'openvino', reason: found.reason, remedy: setupCommand('openvino') };
    return (await import('./openvino/engine.js')).loadOpenvino(found);
  },
  onnx: async () => (await import('./onnx/onnx-engine.js')).loadOnnx(),
  xla: async ({ cacheFolder, environment = {}, platform = 'cpu', memoryFraction, tf32 }) => {
    const found = look(cacheFolder, (folder) => xlaStatus(folder, platform));
    if (found.state !== 'ready')
      return { name: 'xla', reason: found.reason, remedy: setupCommand('xla', platform) };
    return (await import('./xla/xla-engine.js')).loadXla({
      plugin: found.plugin,
      environment,
      cacheFolder: cacheFolder && xlaCompilationFolder(cacheFolder),
      memoryFraction,
      tf32,
    });
  },
  tensorflow: async (options) => {
    const { cacheFolder, environment = {}, threads = 1, platform = 'cpu', tf32 } = options;
    const found = look(cacheFolder, (folder) => tensorflowStatus(folder, platform));
    if (found.state !== 'ready')
      return {
        name: 'tensorflow',
        reason: found.reason,
        remedy: setupCommand('tensorflow', platform),
      };
    const products = options.products ?? provedProducts(cacheFolder, platform);
    const { addonFile } = found;
    const { loadTensorflow } = await import('./tensorflow/engine.js');
    return loadTensorflow({ addonFile, platform, environment, threads, tf32, products });
  },
  reference: async () => (await import('./reference/reference-engine.js')).loadReference(),
};

/** Best first: what `auto` tries on a CPU. The reference is for comparisons; nobody is given it unasked. */
const automatic: readonly EngineName[] = ['openvino', 'onnx'];

export function isEngine(loaded: Engine | EngineUnavailable): loaded is Engine {
  return 'compile' in loaded;
}

/** Loads one engine, or says why it does not load here and what to do. The caller disposes of it. */
export function tryEngine(
  name: EngineName,
  options: LoadEngineOptions = {},
): Promise<Engine | EngineUnavailable> {
  return loaders[name](options);
}

/**
 * Loads an engine; `auto` takes the first of openvino and onnx that loads and tells `explain` why not a better one.
 * @throws MicrotuneError `usage` saying why it does not load and what to do
 */
export async function loadEngine(
  name: EngineName | 'auto',
  options: LoadEngineOptions & { readonly explain?: (reason: string) => void } = {},
): Promise<Engine> {
  const reasons: string[] = [];
  for (const candidate of name === 'auto' ? automatic : [name]) {
    const loaded = await tryEngine(candidate, options);
    if (isEngine(loaded)) {
      if (reasons.length > 0) options.explain?.(`engine ${candidate}: ${reasons.join('; ')}`);
      return loaded;
    }
    const remedy = loaded.remedy === undefined ? '' : `; to have it: ${loaded.remedy}`;
    reasons.push(`engine ${candidate} does not load: ${loaded.reason}${remedy}`);
  }
  throw new MicrotuneError('usage', reasons.join('; '));
}

function provedProducts(
  cacheFolder: string | undefined,
  platform: XlaPlatform,
): ProductPrecision | undefined {
  // Cards have one form.
  if (cacheFolder === undefined || platform !== 'cpu') return undefined;
  const proof = rememberedProof(cacheFolder, { engine: 'tensorflow', precision: 'bf16', platform });
  return proof?.state === 'proved' ? proof.products : undefined;
}

interface Missing {
  readonly state: 'missing';
  readonly reason: string;
}

/** What set-up left in the cache folder, if there is one to look into. */
function look<Status>(
  cacheFolder: string | undefined,
  statusIn: (cacheFolder: string) => Status,
): Status | Missing {
  if (cacheFolder !== undefined) return statusIn(cacheFolder);
  return { state: 'missing', reason: 'no cache folder was given to look for its libraries' };
}
