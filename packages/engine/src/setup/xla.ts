/**
 * `microtune setup xla`: the vendors' wheels, checked by hash, laid into the cache folder. Everything happens in a
 * folder aside, which is renamed into place after the plugin has computed something right; so an interrupted set-up
 * changes nothing, and what is in place always works.
 */
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import type { NativeEnvironment } from '../xla/native-environment.js';
import type { XlaPlatform } from '../xla/platform.js';
import type { XlaPlugin } from '../xla/xla-compiler.js';
import { makeFolderAside, putInPlace } from './folder-aside.js';
import { installWheels, megabytes } from './install-wheels.js';
import { isLibraryOrTool } from './nvidia-wheel.js';
import type { ProcessRunner } from './process-runner.js';
import { pluginIn, xlaFolder, xlaManifestName, xlaReleaseHere, xlaStatus } from './xla-manifest.js';
import type { XlaManifest } from './xla-manifest.js';
import type { XlaRelease } from './xla-release.js';
import { linkInstallation } from './xla-links.js';
import { selfTestXla } from './xla-self-test.js';

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
  /** Folder of an installation to use instead of fetching one: site-packages of a Python that has JAX's plugin. */
  readonly from?: string | undefined;
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
 * @throws MicrotuneError `usage` on a platform without a plugin, without Python and pip, or when the folder to take it
 *   from holds none, `transient` when a wheel
 *   cannot be fetched or written, `data` when it is not the pinned file or does not compute
 */
export async function setupXla(options: SetupXlaOptions): Promise<XlaInstallation> {
  const { cacheFolder, platform, report } = options;
  const force = options.force === true || options.from !== undefined;
  const before = xlaStatus(cacheFolder, platform);
  if (before.state === 'ready' && !force) {
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
    const manifest =
      options.from === undefined
        ? await prepare(options, release, aside)
        : await linkInstallation({ ...options, from: options.from }, release, aside);
    // Another set-up may have been faster, and its files, which are the same, may be in use by now.
    if (force || xlaStatus(cacheFolder, platform).state !== 'ready')
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
  { run, report, environment, timestamp }: SetupXlaOptions,
  release: XlaRelease,
  aside: string,
): Promise<XlaManifest> {
  const placeOf = (path: string) => (isLibraryOrTool(path) ? path : undefined);
  const installed = await installWheels(release.wheels, { run, report, folder: aside, placeOf });
  const { files } = installed;
  if (!files.some(({ path }) => path === release.plugin)) {
    throw new MicrotuneError('data', `the wheel holds no ${release.plugin}`);
  }
  report(`${String(files.length)} files, ${megabytes(files)}; running a small graph`);
  const selfTest = await selfTestXla(pluginIn(aside, release), environment);
  if (selfTest !== 'passed') report(`not tried out: ${selfTest}`);
  const manifest = { id: release.id, ...installed, selfTest, date: timestamp };
  await writeFile(join(aside, xlaManifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, {
    flush: true,
  });
  return manifest;
}
