/**
 * `microtune setup openvino`: the vendor's wheel, checked by hash, its CPU libraries laid into the cache folder.
 * They are unpacked in a folder aside, which is renamed into place; there they must compute something right before the
 * manifest is written, and a folder without a manifest counts for nothing. So whenever a set-up is interrupted, what
 * counts as ready works, and the next set-up starts over. (The libraries are tried where they will stay: the loader
 * remembers the path of the first load, so a process that tried them aside could not use them afterwards.)
 */
import { chmod, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MicrotuneError, makeFolder, messageOf } from '@microtune/shared';
import { downloadWheel } from './download-wheel.js';
import { manifestName, openvinoFolder, openvinoStatus } from './openvino-manifest.js';
import type { OpenvinoManifest } from './openvino-manifest.js';
import { openvinoRelease, openvinoWheels } from './openvino-release.js';
import type { Wheel } from './openvino-release.js';
import type { ProcessRunner } from './process-runner.js';
import { selfTestOpenvino } from './self-test-openvino.js';
import { unpackWheel } from './unpack-wheel.js';
import type { UnpackedFile } from './unpack-wheel.js';

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
  options.report(
    `${String(files.length)} libraries, ${megabytes(files)} MB; running a small graph`,
  );
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
): Promise<UnpackedFile[]> {
  const aside = await makeFolderAside(dirname(librariesFolder));
  try {
    report(`fetching ${wheel.file} with pip`);
    const bytes = await downloadWheel({ run, wheel, folder: aside });
    report(`sha256 ${wheel.sha256} is right; unpacking`);
    const files = await unpackWheel(bytes, aside);
    await rm(join(aside, wheel.file));
    // Another set-up may have been faster, and its libraries, which are the same, may be in use by now.
    if (force === true || openvinoStatus(cacheFolder).state !== 'ready')
      await putInPlace(aside, librariesFolder);
    return files;
  } finally {
    await rm(aside, { recursive: true, force: true });
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

async function makeFolderAside(parent: string): Promise<string> {
  try {
    makeFolder(parent);
    await removeAbandoned(parent);
    return await mkdtemp(join(parent, `.setup-${String(process.pid)}-`));
  } catch (error) {
    throw new MicrotuneError('usage', `cannot write to ${parent}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A rename cannot replace a folder with files in it, so a damaged one leaves first. */
async function putInPlace(aside: string, folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
    await chmod(aside, 0o755);
    await rename(aside, folder);
  } catch (error) {
    throw new MicrotuneError(
      'transient',
      `cannot move the libraries to ${folder}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Folders aside of set-ups that were killed: their process lives no more. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /^\.setup-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(parent, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function megabytes(files: readonly { bytes: number }[]): string {
  return (files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(0);
}
