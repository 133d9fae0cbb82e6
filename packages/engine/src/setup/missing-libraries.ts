/**
 * Whether `setup` left an engine's libraries in the cache folder: a look at files, nothing is loaded. An entry of its own
 * (`@microtune/engine/missing-libraries`), because the whole package takes 0.1 s to load.
 */
import type { EngineName, EngineUnavailable } from '../engine.js';
import type { XlaPlatform } from '../xla/platform.js';
import { openvinoStatus } from './openvino-manifest.js';
import { setupCommand } from './setup-command.js';
import { tensorflowStatus } from './tensorflow-manifest.js';
import { untestedTensorflow } from './tensorflow-release.js';
import { xlaStatus } from './xla-manifest.js';

type Status = { readonly state: 'ready' } | { readonly state: string; readonly reason: string };

/** Undefined where npm brings everything. */
const statusOf: {
  readonly [Name in EngineName]: ((folder: string, platform: XlaPlatform) => Status) | undefined;
} = {
  openvino: openvinoStatus,
  onnx: undefined,
  xla: xlaStatus,
  tensorflow: tensorflowStatus,
  reference: undefined,
};

/** @returns what is missing or damaged and how to have it, undefined when all files are there */
export function missingLibraries(
  name: EngineName,
  cacheFolder: string,
  platform: XlaPlatform = 'cpu',
): EngineUnavailable | undefined {
  const status = statusOf[name]?.(cacheFolder, platform);
  if (status === undefined || !('reason' in status)) return undefined;
  return { name, reason: status.reason, remedy: setupCommand(name, platform) };
}

/** What to know of libraries that are there, but not those that Microtune is tested with. */
export function libraryWarning(
  name: EngineName,
  cacheFolder: string,
  platform: XlaPlatform = 'cpu',
): string | undefined {
  if (name !== 'tensorflow') return undefined;
  const status = tensorflowStatus(cacheFolder, platform);
  return status.state === 'ready' ? untestedTensorflow(status.manifest.version) : undefined;
}
