/**
 * `microtune setup tensorflow`: the vendor's wheel, checked by hash, its libraries laid into the cache folder, and the
 * addon of tfjs-node-gpu built against them. Everything happens in a folder aside, which is renamed into place after
 * the addon has computed something right; so an interrupted set-up changes nothing, and what is in place works.
 */
import { rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import type { XlaPlatform } from '../xla/platform.js';
import { addonVersion } from './addon-sources.js';
import { makeFolderAside, putInPlace } from './folder-aside.js';
import { installWheels, megabytes } from './install-wheels.js';
import type { InstalledWheels } from './install-wheels.js';
import type { ProcessRunner } from './process-runner.js';
import { buildAddon, requireCompiler } from './tensorflow-addon.js';
import { linkTensorflow } from './tensorflow-links.js';
import {
  addonName,
  tensorflowFolder,
  tensorflowManifestName,
  tensorflowReleaseHere,
  tensorflowStatus,
} from './tensorflow-manifest.js';
import type { TensorflowManifest } from './tensorflow-manifest.js';
import { placeOfTensorflow, tensorflowReleases, untestedTensorflow } from './tensorflow-release.js';
import type { TensorflowRelease } from './tensorflow-release.js';
import { selfTestTensorflow } from './tensorflow-self-test.js';

export interface SetupTensorflowOptions {
  readonly platform: XlaPlatform;
  /** Folder of everything that Microtune caches on this machine. */
  readonly cacheFolder: string;
  readonly run: ProcessRunner;
  /** Told one line per stage, for the user to read. */
  readonly report: (line: string) => void;
  /** ISO 8601, for the manifest. */
  readonly timestamp: string;
  /** Fetch, build and try again what is already there. @default false */
  readonly force?: boolean;
  /** Folder of an installation to use instead of fetching one: see `linkTensorflow`. */
  readonly from?: string | undefined;
  /** What to fetch. @default the pinned release of this platform */
  readonly release?: TensorflowRelease;
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
 * @throws MicrotuneError `usage` on a platform without a wheel, without Python, pip or g++, or when the folder to take it
 *   from holds none, `transient` when the
 *   wheel cannot be fetched or written, `data` when it is not the pinned file or the addon does not build or compute
 */
export async function setupTensorflow(
  options: SetupTensorflowOptions,
): Promise<TensorflowInstallation> {
  const { cacheFolder, platform, report } = options;
  const force = options.force === true || options.from !== undefined;
  const before = tensorflowStatus(cacheFolder, platform);
  if (before.state === 'ready' && !force) {
    report(`TensorFlow ${before.manifest.version} is already in ${dirname(before.addonFile)}`);
    return { addonFile: before.addonFile, manifest: before.manifest, changed: false };
  }
  const release = options.release ?? requireRelease(platform);
  const folder = tensorflowFolder(cacheFolder, release);
  const aside = await makeFolderAside(dirname(folder));
  try {
    const manifest = await prepare(options, release, aside);
    // Another set-up may have been faster, and its files, which are the same, may be in use by now.
    if (force || tensorflowStatus(cacheFolder, platform).state !== 'ready')
      await putInPlace(aside, folder);
    report(`TensorFlow ${manifest.version} is ready in ${folder}`);
    return { addonFile: join(folder, addonName), manifest, changed: true };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function requireRelease(platform: XlaPlatform): TensorflowRelease {
  const release = tensorflowReleaseHere(platform);
  if (release !== undefined) return release;
  const machines = Object.keys(tensorflowReleases[platform]).join(' and ');
  throw new MicrotuneError(
    'usage',
    `setup tensorflow supports ${machines}, not ${process.platform}-${process.arch}: use --engine onnx`,
  );
}

/** Fetches or links, builds and tries everything in the folder aside. */
async function prepare(
  { run, report, timestamp, from }: SetupTensorflowOptions,
  release: TensorflowRelease,
  aside: string,
): Promise<TensorflowManifest> {
  const laid =
    from === undefined
      ? await fetchTensorflow({ run, report }, release, aside)
      : {
          wheels: [],
          systemLibraries: [],
          from: resolve(from),
          files: await linkTensorflow({ from, run, report }, aside),
        };
  const addonFile = join(aside, addonName);
  const version = await selfTestTensorflow(run, { addonFile, folder: aside });
  report(`TensorFlow ${version} computes what it should`);
  const warning = untestedTensorflow(version);
  if (warning !== undefined) report(`warning: ${warning}`);
  const manifest: TensorflowManifest = {
    id: release.id,
    version,
    addonVersion,
    ...laid,
    files: [{ path: addonName, bytes: (await stat(addonFile)).size }, ...laid.files],
    date: timestamp,
  };
  const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
  await writeFile(join(aside, tensorflowManifestName), text, { flush: true });
  return manifest;
}

async function fetchTensorflow(
  { run, report }: Pick<SetupTensorflowOptions, 'run' | 'report'>,
  release: TensorflowRelease,
  aside: string,
): Promise<InstalledWheels> {
  await requireCompiler(run);
  const placeOf = placeOfTensorflow;
  const installed = await installWheels(release.wheels, { run, report, folder: aside, placeOf });
  report(`${megabytes(installed.files)}; building the addon of tfjs-node-gpu`);
  await buildAddon(run, aside);
  return installed;
}
