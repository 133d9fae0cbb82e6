/** What `setup openvino` left in the cache folder, and whether it is whole. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '@microtune/shared';
import { z } from 'zod';
import { openvinoRelease } from './openvino-release.js';

const manifestSchema = z.object({
  version: z.literal(openvinoRelease),
  /** File name of the wheel that the libraries come from. */
  wheel: z.string(),
  sha256: z.string(),
  files: z.array(z.object({ name: z.string(), bytes: z.number().int().positive() })).min(1),
  /** ISO 8601. */
  date: z.string(),
});
export type OpenvinoManifest = z.output<typeof manifestSchema>;

export type OpenvinoStatus =
  | {
      readonly state: 'ready';
      readonly librariesFolder: string;
      readonly manifest: OpenvinoManifest;
    }
  | { readonly state: 'missing' | 'damaged'; readonly reason: string };

/** `<cacheFolder>/openvino/<release>`: the libraries and `manifest.json`. */
export function openvinoFolder(cacheFolder: string): string {
  return join(cacheFolder, 'openvino', openvinoRelease);
}

export const manifestName = 'manifest.json';

/**
 * Looks at the cache folder without loading anything: the manifest must parse and every file have its size.
 * `librariesFolder` of a ready status is what `loadOpenvino` takes.
 */
export function openvinoStatus(cacheFolder: string): OpenvinoStatus {
  const librariesFolder = openvinoFolder(cacheFolder);
  const text = readManifest(join(librariesFolder, manifestName));
  if (text === undefined) {
    return { state: 'missing', reason: `OpenVINO ${openvinoRelease} is not in ${cacheFolder}` };
  }
  try {
    const manifest = manifestSchema.parse(JSON.parse(text));
    const wrong = manifest.files.find(
      ({ name, bytes }) => sizeOf(join(librariesFolder, name)) !== bytes,
    );
    if (wrong === undefined) return { state: 'ready', librariesFolder, manifest };
    return {
      state: 'damaged',
      reason: `${join(librariesFolder, wrong.name)} is missing or cut short`,
    };
  } catch (error) {
    const detail = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    return {
      state: 'damaged',
      reason: `${manifestName} in ${librariesFolder} is not valid: ${detail}`,
    };
  }
}

function readManifest(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function sizeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.size;
}
