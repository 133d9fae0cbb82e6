/**
 * `microtune setup tensorflow`: the vendor's wheel, checked by hash, its libraries laid into the cache folder, and the
 * addon of tfjs-node-gpu built against them. Everything happens in a folder aside, which is renamed into place after
 * the addon has computed something right; so an interrupted set-up changes nothing, and what is in place works.
 */
import { chmod, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MicrotuneError, makeFolder, messageOf } from '@microtune/shared';
import type { ProcessRunner } from './process-runner.js';
import { addonVersion, buildAddon } from './tensorflow-addon.js';
import {
  addonName,
  tensorflowFolder,
  tensorflowManifestName,
  tensorflowStatus,
} from './tensorflow-manifest.js';
import type { TensorflowManifest } from './tensorflow-manifest.js';
import { isNeededOfTensorflow, tensorflowRelease, tensorflowWheels } from './tensorflow-release.js';
import type { TensorflowWheel } from './tensorflow-release.js';
import { selfTestTensorflow } from './tensorflow-self-test.js';
import { fetchTensorflowWheel } from './tensorflow-wheel.js';
import { unpackWanted } from './xla-unpack.js';

export interface SetupTensorflowOptions {
  /** Folder of everything that Microtune caches on this machine. */
  readonly cacheFolder: string;
  readonly run: ProcessRunner;
  /** Told one line per stage, for the user to read. */
  readonly report: (line: string) => void;
  /** ISO 8601, for the manifest. */
  readonly timestamp: string;
  /** Fetch, build and try again what is already there. @default false */
  readonly force?: boolean;
  /** The wheel to fetch. @default the pinned one of this platform */
  readonly wheel?: TensorflowWheel;
}

export interface TensorflowInstallation {
  /** What `loadTensorflow` takes. */
  readonly addonFile: string;
  readonly manifest: TensorflowManifest;
  /** False when it was there already. */
  readonly changed: boolean;
}

/**
 * Makes TensorFlow ready below the cache folder; does nothing when it is.
 * @throws MicrotuneError `usage` on a platform without a wheel or without Python, pip or g++, `transient` when the
 *   wheel cannot be fetched or written, `data` when it is not the pinned file or the addon does not build or compute
 */
export async function setupTensorflow(
  options: SetupTensorflowOptions,
): Promise<TensorflowInstallation> {
  const { cacheFolder, report, force } = options;
  const before = tensorflowStatus(cacheFolder);
  const folder = tensorflowFolder(cacheFolder);
  if (before.state === 'ready' && force !== true) {
    report(`TensorFlow ${tensorflowRelease} is already in ${folder}`);
    return { addonFile: before.addonFile, manifest: before.manifest, changed: false };
  }
  const wheel = options.wheel ?? wheelOfThisPlatform();
  const aside = await makeFolderAside(dirname(folder));
  try {
    const manifest = await prepare(options, wheel, aside);
    // Another set-up may have been faster, and its files, which are the same, may be in use by now.
    if (force === true || tensorflowStatus(cacheFolder).state !== 'ready')
      await putInPlace(aside, folder);
    report(`TensorFlow ${tensorflowRelease} is ready in ${folder}`);
    return { addonFile: join(folder, addonName), manifest, changed: true };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function wheelOfThisPlatform(): TensorflowWheel {
  const platform = `${process.platform}-${process.arch}`;
  const wheel = tensorflowWheels[platform];
  if (wheel !== undefined) return wheel;
  throw new MicrotuneError(
    'usage',
    `setup tensorflow supports ${Object.keys(tensorflowWheels).join(' and ')}, not ${platform}: use --engine onnx`,
  );
}

/** Fetches, unpacks, builds and tries everything in the folder aside. */
async function prepare(
  { run, report, timestamp }: SetupTensorflowOptions,
  wheel: TensorflowWheel,
  aside: string,
): Promise<TensorflowManifest> {
  report(`fetching ${wheel.file} with pip`);
  const file = await fetchTensorflowWheel(run, wheel, aside);
  report(`sha256 ${wheel.sha256} is right; unpacking`);
  const unpacked = await unpackWanted(file, aside, isNeededOfTensorflow);
  await rm(file);
  report('building the addon of tfjs-node-gpu');
  await buildAddon(run, aside);
  const addonFile = join(aside, addonName);
  const version = await selfTestTensorflow(run, { addonFile, folder: aside });
  report(`TensorFlow ${version} computes what it should`);
  const files = [{ path: addonName, bytes: (await stat(addonFile)).size }, ...unpacked];
  const { sha256 } = wheel;
  const manifest: TensorflowManifest = {
    version: tensorflowRelease,
    addonVersion: addonVersion(),
    wheel: wheel.file,
    sha256,
    files,
    date: timestamp,
  };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  await writeFile(join(aside, tensorflowManifestName), text, { flush: true });
  return manifest;
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
      { cause: error },
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
