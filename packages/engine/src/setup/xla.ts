/**
 * `microtune setup xla`: the vendors' wheels, checked by hash, laid into the cache folder. Everything happens in a
 * folder aside, which is renamed into place after the plugin has computed something right; so an interrupted set-up
 * changes nothing, and what is in place always works.
 */
import { chmod, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MicrotuneError, makeFolder, messageOf } from '@microtune/shared';
import koffi from 'koffi';
import type { NativeEnvironment } from '../xla/native-environment.js';
import type { XlaPlatform } from '../xla/platform.js';
import type { XlaPlugin } from '../xla/xla-compiler.js';
import type { ProcessRunner } from './process-runner.js';
import { pluginIn, xlaFolder, xlaManifestName, xlaReleaseHere, xlaStatus } from './xla-manifest.js';
import type { XlaManifest } from './xla-manifest.js';
import { isNeededFile } from './xla-release.js';
import type { XlaRelease, XlaWheel } from './xla-release.js';
import { selfTestXla } from './xla-self-test.js';
import { unpackWanted } from './xla-unpack.js';
import type { InstalledFile } from './xla-unpack.js';
import { fetchXlaWheel } from './xla-wheel.js';

export interface SetupXlaOptions {
  readonly platform: XlaPlatform;
  /** Folder of everything that Microtune caches on this machine. */
  readonly cacheFolder: string;
  readonly run: ProcessRunner;
  /** process.env, which the plugin's own code reads during the self-test. */
  readonly environment: NativeEnvironment;
  /** Told one line per stage, for the user to read. */
  readonly report: (line: string) => void;
  /** ISO 8601, for the manifest. */
  readonly timestamp: string;
  /** Fetch and try again what is already there. @default false */
  readonly force?: boolean;
  /** What to fetch. @default the pinned release of this platform */
  readonly release?: XlaRelease;
}

export interface XlaInstallation {
  readonly folder: string;
  readonly plugin: XlaPlugin;
  readonly manifest: XlaManifest;
  /** False when it was there already. */
  readonly changed: boolean;
}

/**
 * Makes a plugin ready below the cache folder; does nothing when it is.
 * @throws MicrotuneError `usage` on a platform without a plugin or without Python and pip, `transient` when a wheel
 *   cannot be fetched or written, `data` when it is not the pinned file or does not compute
 */
export async function setupXla(options: SetupXlaOptions): Promise<XlaInstallation> {
  const { cacheFolder, platform, report, force } = options;
  const before = xlaStatus(cacheFolder, platform);
  if (before.state === 'ready' && force !== true) {
    report(`XLA (${before.manifest.id}) is already in ${cacheFolder}`);
    return {
      folder: before.folder,
      plugin: before.plugin,
      manifest: before.manifest,
      changed: false,
    };
  }
  const release = options.release ?? requireRelease(platform);
  const folder = xlaFolder(cacheFolder, release);
  const aside = await makeFolderAside(dirname(folder));
  try {
    const manifest = await prepare(options, release, aside);
    // Another set-up may have been faster, and its files, which are the same, may be in use by now.
    if (force === true || xlaStatus(cacheFolder, platform).state !== 'ready')
      await putInPlace(aside, folder);
    report(`XLA (${release.id}) is ready in ${folder}`);
    return { folder, plugin: pluginIn(folder, release), manifest, changed: true };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function requireRelease(platform: XlaPlatform): XlaRelease {
  const release = xlaReleaseHere(platform);
  if (release !== undefined) return release;
  throw new MicrotuneError(
    'usage',
    `setup xla has no plugin (${platform}) for ${process.platform}-${process.arch}: use --engine onnx`,
  );
}

/** Fetches, unpacks and tries everything in the folder aside. */
async function prepare(
  options: SetupXlaOptions,
  release: XlaRelease,
  aside: string,
): Promise<XlaManifest> {
  const { report, environment, timestamp } = options;
  const systemLibraries = release.wheels.flatMap(({ replacedBy }) =>
    onSystem(replacedBy) ? replacedBy : [],
  );
  if (systemLibraries.length > 0)
    report(`the system has ${systemLibraries.join(', ')}: not fetched`);
  const wheels = release.wheels.filter(({ replacedBy }) => !onSystem(replacedBy));
  const files: InstalledFile[] = [];
  for (const wheel of wheels) files.push(...(await install(options, wheel, aside)));
  if (!files.some(({ path }) => path === release.plugin)) {
    throw new MicrotuneError('data', `the wheel holds no ${release.plugin}`);
  }
  report(`${String(files.length)} files, ${megabytes(files)} MB; running a small graph`);
  const selfTest = await selfTestXla(pluginIn(aside, release), environment);
  if (selfTest !== 'passed') report(`not tried out: ${selfTest}`);
  const pins = wheels.map(({ file, sha256 }) => ({ file, sha256 }));
  const manifest = {
    id: release.id,
    wheels: pins,
    systemLibraries,
    files,
    selfTest,
    date: timestamp,
  };
  await writeFile(join(aside, xlaManifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, {
    flush: true,
  });
  return manifest;
}

/** Whether the system's loader finds all of some libraries (none: there is nothing to find). */
function onSystem(libraries: readonly string[]): boolean {
  return libraries.length > 0 && libraries.every(isLoadable);
}

function isLoadable(library: string): boolean {
  try {
    koffi.load(library, { lazy: true }).unload();
    return true;
  } catch {
    return false;
  }
}

async function install(
  { run, report }: SetupXlaOptions,
  wheel: XlaWheel,
  aside: string,
): Promise<InstalledFile[]> {
  report(`fetching ${wheel.file} with pip`);
  const file = await fetchXlaWheel(run, wheel, aside);
  report(`sha256 ${wheel.sha256} is right; unpacking`);
  const files = await unpackWanted(file, aside, isNeededFile);
  await rm(file);
  return files;
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
      `cannot move the plugin to ${folder}: ${messageOf(error)}`,
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

function megabytes(files: readonly InstalledFile[]): string {
  return (files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(0);
}
