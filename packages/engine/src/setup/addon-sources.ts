/**
 * Where the source files of @tensorflow/tfjs-node-gpu's addon come from. The package is no dependency of ours: its own
 * installer downloads a TensorFlow of 2022, and with what it depends on it fills 220 MB. So its file alone is fetched,
 * by npm, which knows the user's registry, proxy and certificates, and checked against the pinned hash.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import type { ProcessResult, ProcessRunner } from './process-runner.js';

const require = createRequire(import.meta.url);

export const addonPackage = '@tensorflow/tfjs-node-gpu';
/** Of the package whose addon is built. */
export const addonVersion = '4.22.0';
const addonFile = `tensorflow-tfjs-node-gpu-${addonVersion}.tgz`;
/** sha512 in base64, as package-lock.json has it. */
const addonIntegrity =
  'p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==';

/** The folder of the sources in a package of the pinned version that is installed here, as in a clone of Microtune. */
export function installedAddonSources(): string | undefined {
  try {
    const manifest = require.resolve(`${addonPackage}/package.json`);
    const { version } = require(manifest) as { version: string };
    return version === addonVersion ? join(dirname(manifest), 'binding') : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fetches the package into `folder`, checks it and leaves its sources there.
 * @returns the folder of the sources
 * @throws MicrotuneError `usage` without npm or tar, `transient` when npm cannot get the package, `data` when it is not
 *   the pinned one
 */
export async function fetchAddonSources(run: ProcessRunner, folder: string): Promise<string> {
  const packed = await run('npm', [
    ...['pack', `${addonPackage}@${addonVersion}`, '--pack-destination', folder],
    ...['--ignore-scripts', '--prefer-offline', '--silent'],
  ]);
  if (packed.exitCode !== 0) throw fetchFailed(packed);
  const file = join(folder, addonFile);
  await checkIntegrity(file);
  const target = join(folder, 'tfjs-node-gpu');
  await mkdir(target, { recursive: true });
  const unpacked = await run('tar', [
    ...['-xzf', file, '-C', target, '--strip-components=1', 'package/binding'],
  ]);
  if (unpacked.exitCode !== 0)
    throw new MicrotuneError('usage', `tar could not unpack ${addonFile}: ${lastLine(unpacked)}`);
  await rm(file);
  return join(target, 'binding');
}

async function checkIntegrity(file: string): Promise<void> {
  const content = await readFile(file).catch((error: unknown) => {
    throw new MicrotuneError('transient', `npm did not leave ${addonFile}: ${messageOf(error)}`, {
      cause: error,
    });
  });
  const found = createHash('sha512').update(content).digest('base64');
  if (found === addonIntegrity) return;
  throw new MicrotuneError(
    'data',
    `${addonFile} is not the pinned file: it has ${String(content.length)} bytes with sha512 ${found}, expected ${addonIntegrity}. ` +
      'Nothing was installed. Run the command again; if it repeats, the registry serves another file',
  );
}

function fetchFailed(result: ProcessResult): MicrotuneError {
  if (result.exitCode === undefined) {
    return new MicrotuneError(
      'usage',
      `npm was not found: fetching the sources of ${addonPackage} needs it once (not at run time). Put it on the PATH and run the command again`,
    );
  }
  return new MicrotuneError(
    'transient',
    `npm could not fetch ${addonPackage}@${addonVersion}: ${lastLine(result)}. Check the network, or point npm at a registry ` +
      'that has it (npm config set registry URL), and run the command again',
  );
}

function lastLine({ stderr, exitCode }: ProcessResult): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const error = lines.find((line) => /^npm (?:ERR!|error)/.test(line)) ?? lines.findLast(Boolean);
  return error?.replace(/^npm (?:ERR!|error)\s*/, '') ?? `exit code ${String(exitCode)}`;
}
