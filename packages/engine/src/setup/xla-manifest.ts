/** What `setup xla` left in the cache folder, and whether it is whole. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@microtune/shared';
import { z } from 'zod';
import type { XlaPlatform } from '../xla/platform.js';
import type { XlaPlugin } from '../xla/xla-compiler.js';
import { xlaReleases } from './xla-release.js';
import type { XlaRelease } from './xla-release.js';

const manifestSchema = z.object({
  id: z.string(),
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
  /** `passed`, or why the plugin could not compute here (no GPU on this machine). */
  selfTest: z.string(),
  /** ISO 8601. */
  date: z.string(),
});
export type XlaManifest = z.output<typeof manifestSchema>;

export type XlaStatus =
  | {
      readonly state: 'ready';
      readonly folder: string;
      readonly plugin: XlaPlugin;
      readonly manifest: XlaManifest;
    }
  | { readonly state: 'missing' | 'damaged'; readonly reason: string };

export const xlaManifestName = 'manifest.json';

/** `<cacheFolder>/xla/<release>`: what the wheels hold, at their paths, and `manifest.json`. */
export function xlaFolder(cacheFolder: string, release: XlaRelease): string {
  return join(cacheFolder, 'xla', release.id);
}

/** Compiled programs, for every plugin. */
export function xlaCompilationFolder(cacheFolder: string): string {
  return join(cacheFolder, 'xla', 'compiled');
}

/** The release of this platform; undefined where there is none. */
export function xlaReleaseHere(platform: XlaPlatform): XlaRelease | undefined {
  return xlaReleases[platform][`${process.platform}-${process.arch}`];
}

/** Looks at the cache folder without loading anything: the manifest must parse and every file have its size. */
export function xlaStatus(cacheFolder: string, platform: XlaPlatform): XlaStatus {
  const release = xlaReleaseHere(platform);
  if (release === undefined) {
    return {
      state: 'missing',
      reason: `there is no XLA plugin (${platform}) for ${process.platform}-${process.arch}`,
    };
  }
  const folder = xlaFolder(cacheFolder, release);
  const file = join(folder, xlaManifestName);
  if (!existsSync(file))
    return { state: 'missing', reason: `XLA (${release.id}) is not in ${cacheFolder}` };
  try {
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const wrong = manifest.files.find(({ path, bytes }) => sizeOf(join(folder, path)) !== bytes);
    if (wrong !== undefined)
      return { state: 'damaged', reason: `${join(folder, wrong.path)} is missing or cut short` };
    return { state: 'ready', folder, plugin: pluginIn(folder, release), manifest };
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    return { state: 'damaged', reason: `${file} is not valid: ${detail}` };
  }
}

/** The plugin of a release laid out in a folder, as `loadXla` takes it. */
export function pluginIn(folder: string, { platform, plugin }: XlaRelease): XlaPlugin {
  const cudaFolder = join(folder, 'nvidia', 'cu13');
  return {
    file: join(folder, plugin),
    platform,
    ...(platform === 'cuda' && existsSync(cudaFolder) ? { cudaFolder } : {}),
  };
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
