/** Wheels into a folder: each fetched, checked, unpacked and forgotten, but for what the system has. */
import { rm } from 'node:fs/promises';
import { loadLibrary } from '@microtune/shared/native';
import { fetchWheel } from './fetch-wheel.js';
import type { ProcessRunner } from './process-runner.js';
import { unpackWanted } from './unpack-wanted.js';
import type { InstalledFile } from './unpack-wanted.js';
import type { Wheel } from './wheel.js';

export interface InstallOptions {
  readonly run: ProcessRunner;
  /** Told one line per stage, for the user to read. */
  readonly report: (line: string) => void;
  /** Existing folder to lay the files into. */
  readonly folder: string;
  /** Where a file of a wheel goes, relative to the folder; undefined for one that is not wanted. */
  readonly placeOf: (path: string) => string | undefined;
}

export interface InstalledWheels {
  readonly wheels: readonly Pick<Wheel, 'file' | 'sha256'>[];
  readonly files: readonly InstalledFile[];
  /** Libraries left to the system, by soname. */
  readonly systemLibraries: readonly string[];
}

/**
 * @throws MicrotuneError `usage` without Python or pip, `transient` when a wheel cannot be fetched or written, `data`
 *   when it is not the pinned file
 */
export async function installWheels(
  wheels: readonly Wheel[],
  { run, report, folder, placeOf }: InstallOptions,
): Promise<InstalledWheels> {
  const systemLibraries = wheels.flatMap(({ replacedBy = [] }) =>
    onSystem(replacedBy) ? replacedBy : [],
  );
  if (systemLibraries.length > 0)
    report(`the system has ${systemLibraries.join(', ')}: not fetched`);
  const wanted = wheels.filter(({ replacedBy = [] }) => !onSystem(replacedBy));
  const files: InstalledFile[] = [];
  for (const wheel of wanted) {
    report(`fetching ${wheel.file} with pip`);
    const file = await fetchWheel(run, wheel, folder);
    report(`sha256 ${wheel.sha256} is right; unpacking`);
    files.push(...(await unpackWanted(file, folder, placeOf)));
    await rm(file);
  }
  return { wheels: wanted.map(({ file, sha256 }) => ({ file, sha256 })), files, systemLibraries };
}

export function megabytes(files: readonly InstalledFile[]): string {
  return `${(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(0)} MB`;
}

/** Whether the system's loader finds all of some libraries (none: there is nothing to find). */
function onSystem(libraries: readonly string[]): boolean {
  return libraries.length > 0 && libraries.every(isLoadable);
}

function isLoadable(library: string): boolean {
  try {
    loadLibrary(library, { lazy: true }).unload();
    return true;
  } catch {
    return false;
  }
}
