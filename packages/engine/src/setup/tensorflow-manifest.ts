/** What `setup tensorflow` left in the cache folder, and whether it is whole. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@microtune/shared';
import { z } from 'zod';
import type { XlaPlatform } from '../xla/platform.js';
import { tensorflowReleases } from './tensorflow-release.js';
import type { TensorflowRelease } from './tensorflow-release.js';

const manifestSchema = z.object({
  id: z.string(),
  /** What the library says it is. */
  version: z.string(),
  /** Of @tensorflow/tfjs-node-gpu, whose addon was built. */
  addonVersion: z.string(),
  /** Fetched ones; none when another installation is used. */
  wheels: z.array(z.object({ file: z.string(), sha256: z.string() })).readonly(),
  /** The installation that is used instead. */
  from: z.string().optional(),
  /** Libraries left to the system, by soname. */
  systemLibraries: z.array(z.string()).readonly(),
  files: z
    .array(z.object({ path: z.string(), bytes: z.number().int().positive() }))
    .min(1)
    .readonly(),
  /** ISO 8601. */
  date: z.string(),
});
export type TensorflowManifest = z.output<typeof manifestSchema>;

export type TensorflowStatus =
  | {
      readonly state: 'ready';
      /** What `loadTensorflow` takes. */
      readonly addonFile: string;
      readonly manifest: TensorflowManifest;
    }
  | { readonly state: 'missing' | 'damaged'; readonly reason: string };

export const tensorflowManifestName = 'manifest.json';
export const addonName = 'tfjs_binding.node';

/** `<cacheFolder>/tensorflow/<release>`: the addon, the wheels' files at their paths, and `manifest.json`. */
export function tensorflowFolder(cacheFolder: string, release: TensorflowRelease): string {
  return join(cacheFolder, 'tensorflow', release.id);
}

/** The release of this platform; undefined where there is none. */
export function tensorflowReleaseHere(platform: XlaPlatform): TensorflowRelease | undefined {
  return tensorflowReleases[platform][`${process.platform}-${process.arch}`];
}

/** Looks at the cache folder without loading anything: the manifest must parse and every file have its size. */
export function tensorflowStatus(cacheFolder: string, platform: XlaPlatform): TensorflowStatus {
  const release = tensorflowReleaseHere(platform);
  if (release === undefined) {
    const machine = `${process.platform}-${process.arch}`;
    return { state: 'missing', reason: `there is no TensorFlow (${platform}) for ${machine}` };
  }
  const folder = tensorflowFolder(cacheFolder, release);
  const file = join(folder, tensorflowManifestName);
  if (!existsSync(file)) {
    return { state: 'missing', reason: `TensorFlow ${release.id} is not in ${cacheFolder}` };
  }
  try {
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const wrong = manifest.files.find(({ path, bytes }) => sizeOf(join(folder, path)) !== bytes);
    if (wrong === undefined)
      return { state: 'ready', addonFile: join(folder, addonName), manifest };
    return { state: 'damaged', reason: `${join(folder, wrong.path)} is missing or cut short` };
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    return { state: 'damaged', reason: `${file} is not valid: ${detail}` };
  }
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
