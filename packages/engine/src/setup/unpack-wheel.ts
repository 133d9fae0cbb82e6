/** Taking the libraries out of a wheel. */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { unzipSync } from 'fflate';
import { indispensableLibraries, neededLibraries } from './openvino-release.js';

export interface UnpackedFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Writes the libraries that the CPU needs into an existing folder.
 * @throws MicrotuneError `data` when the wheel is no zip or lacks one of them, `transient` when writing fails
 */
export async function unpackWheel(wheel: Uint8Array, folder: string): Promise<UnpackedFile[]> {
  const libraries = readLibraries(wheel);
  for (const pattern of indispensableLibraries) {
    if (Object.keys(libraries).some((path) => pattern.test(basename(path)))) continue;
    throw new MicrotuneError('data', `the wheel holds no library like ${pattern.source}`);
  }
  const unpacked: UnpackedFile[] = [];
  for (const [path, content] of Object.entries(libraries)) {
    const name = basename(path);
    await writeLibrary(join(folder, name), content);
    unpacked.push({ name, bytes: content.byteLength });
  }
  return unpacked.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function readLibraries(wheel: Uint8Array): Record<string, Uint8Array> {
  try {
    return unzipSync(wheel, {
      filter: ({ name }) =>
        name.startsWith('openvino/libs/') &&
        neededLibraries.some((pattern) => pattern.test(basename(name))),
    });
  } catch (error) {
    throw new MicrotuneError('data', `the wheel cannot be unpacked: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function writeLibrary(file: string, content: Uint8Array): Promise<void> {
  try {
    await writeFile(file, content, { flush: true, mode: 0o755 });
  } catch (error) {
    throw new MicrotuneError('transient', `cannot write ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
