/**
 * `microtune setup openvino`: the vendor's wheel, checked by hash, its CPU libraries laid into the cache folder.
 * They are unpacked in a folder aside, which is renamed into place; there they must compute something right before the
 * manifest is written, and a folder without a manifest counts for nothing. So whenever a set-up is interrupted, what
 * counts as ready works, and the next set-up starts over. (The libraries are tried where they will stay: the loader
 * remembers the path of the first load, so a process that tried them aside could not use them afterwards.)
 */
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import { makeFolderAside, putInPlace } from './folder-aside.js';
import { installWheels, megabytes } from './install-wheels.js';
import { manifestName, openvinoFolder, openvinoStatus } from './openvino-manifest.js';
import type { OpenvinoManifest } from './openvino-manifest.js';
import {
  indispensableLibraries,
  neededLibraries,
  openvinoRelease,
  openvinoWheels,
} from './openvino-release.js';
import type { ProcessRunner } from './process-runner.js';
import { selfTestOpenvino } from './self-test-openvino.js';
import type { InstalledFile } from './unpack-wanted.js';
import type { Wheel } from './wheel.js';

export interface SetupOptions {
  /** Folder of everything that Microtune caches on this machine. */
  readonly cacheFolder: string;
  readonly run: ProcessRunner;
  /** Told one line per stage, for the user to read. */
  readonly report: (line: string) => void;
  /** ISO 8601, for the manifest. */
  readonly timestamp: string;
  /** Fetch and try again what is already there. @default false */
  readonly force?: boolean;
  /** The wheel to fetch. @default the pinned one of this platform */
  readonly wheel?: Wheel;
}

export interface OpenvinoInstallation {
  readonly librariesFolder: string;
  readonly manifest: OpenvinoManifest;
  /** False when it was there already. */
  readonly changed: boolean;
}

/**
 * Makes OpenVINO ready below the cache folder; does nothing when it is.
 * @throws MicrotuneError `usage` on a platform without a wheel or without Python and pip, `transient` when the wheel
 *   cannot be fetched or written, `data` when it is not the pinned file or does not compute
 */
export async function setupOpenvino(options: SetupOptions): Promise<OpenvinoInstallation> {
  const before = openvinoStatus(options.cacheFolder);
  if (before.state === 'ready' && options.force !== true) {
    options.report(`OpenVINO ${openvinoRelease} is already in ${before.librariesFolder}`);
    return { ...before, changed: false };
  }
  const wheel = options.wheel ?? wheelOfThisPlatform();
  const librariesFolder = openvinoFolder(options.cacheFolder);
  const files = await install(options, wheel, librariesFolder);
  await tryOut(librariesFolder);
  const { sha256, file } = wheel;
  const manifest = {
    version: openvinoRelease,
    wheel: file,
    sha256,
    files,
    date: options.timestamp,
  } as const;
  await writeManifest(librariesFolder, manifest);
  options.report(`OpenVINO ${openvinoRelease} is ready in ${librariesFolder}`);
  return { librariesFolder, manifest, changed: true };
}

function wheelOfThisPlatform(): Wheel {
  const platform = `${process.platform}-${process.arch}`;
  const wheel = openvinoWheels[platform];
  if (wheel !== undefined) return wheel;
  throw new MicrotuneError(
    'usage',
    `setup openvino supports ${Object.keys(openvinoWheels).join(' and ')}, not ${platform}: use --engine onnx`,
  );
}

/** Fetches and unpacks aside, then moves the libraries to their folder. */
async function install(
  { cacheFolder, run, report, force }: SetupOptions,
  wheel: Wheel,
  librariesFolder: string,
): Promise<OpenvinoManifest['files']> {
  const aside = await makeFolderAside(dirname(librariesFolder));
  try {
    const { files } = await installWheels([wheel], { run, report, folder: aside, placeOf });
    requireAll(files);
    report(`${String(files.length)} libraries, ${megabytes(files)}; running a small graph`);
    // Another set-up may have been faster, and its libraries, which are the same, may be in use by now.
    if (force === true || openvinoStatus(cacheFolder).state !== 'ready')
      await putInPlace(aside, librariesFolder);
    return files.map(({ path, bytes }) => ({ name: path, bytes }));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** The libraries lie side by side. */
function placeOf(path: string): string | undefined {
  const name = basename(path);
  const wanted =
    path.startsWith('openvino/libs/') && neededLibraries.some((pattern) => pattern.test(name));
  return wanted ? name : undefined;
}

function requireAll(files: readonly InstalledFile[]): void {
  for (const pattern of indispensableLibraries) {
    if (files.some(({ path }) => pattern.test(path))) continue;
    throw new MicrotuneError('data', `the wheel holds no library like ${pattern.source}`);
  }
}

async function tryOut(librariesFolder: string): Promise<void> {
  try {
    await selfTestOpenvino(librariesFolder);
  } catch (error) {
    await rm(librariesFolder, { recursive: true, force: true });
    throw error;
  }
}

async function writeManifest(folder: string, manifest: OpenvinoManifest): Promise<void> {
  const file = join(folder, manifestName);
  await writeFile(`${file}.new`, `${JSON.stringify(manifest, undefined, 2)}\n`, { flush: true });
  await rename(`${file}.new`, file);
}
