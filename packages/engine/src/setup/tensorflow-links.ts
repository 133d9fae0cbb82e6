/** A TensorFlow that is on this machine already, used where it is. */
import { existsSync, readdirSync } from 'node:fs';
import { stat, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import type { ProcessRunner } from './process-runner.js';
import { buildAddon, requireCompiler } from './tensorflow-addon.js';
import { addonName } from './tensorflow-manifest.js';
import type { InstalledFile } from './unpack-wanted.js';

export interface TensorflowLinkOptions {
  /**
   * Folder of the package tfjs-node-gpu whose own installer ran (it fetches TensorFlow 2.9.1 and an addon for it), or
   * site-packages of a Python that has TensorFlow, against which the addon is then built.
   */
  readonly from: string;
  readonly run: ProcessRunner;
  readonly report: (line: string) => void;
}

/**
 * Links to another installation, so that the folder aside looks like a fetched one.
 * @returns the library whose change of size means damage
 * @throws MicrotuneError `usage` when there is none, or no compiler; `data` when the addon does not compile against it
 */
export async function linkTensorflow(
  { from, run, report }: TensorflowLinkOptions,
  aside: string,
): Promise<InstalledFile[]> {
  const source = resolve(from);
  const built = addonIn(source);
  if (built !== undefined) {
    report(`using ${built}`);
    await symlink(built, join(aside, addonName));
    return [];
  }
  const library = 'tensorflow/libtensorflow_cc.so.2';
  const found = await stat(join(source, library)).catch(() => undefined);
  if (found === undefined) {
    throw new MicrotuneError(
      'usage',
      `--from ${from}: there is neither lib/napi-v*/${addonName} nor ${library}; name the folder of tfjs-node-gpu, ` +
        'whose installer ran, or the site-packages folder that holds TensorFlow 2.12 or newer',
    );
  }
  for (const folder of ['tensorflow', 'nvidia'])
    if (existsSync(join(source, folder))) await symlink(join(source, folder), join(aside, folder));
  report(`using ${join(source, library)}; building the addon of tfjs-node-gpu`);
  await requireCompiler(run);
  await buildAddon(run, aside);
  return [{ path: library, bytes: found.size }];
}

/** What the package's installer leaves: an addon per version of Node-API that it was made for. */
function addonIn(folder: string): string | undefined {
  const lib = join(folder, 'lib');
  const versions = existsSync(lib) ? readdirSync(lib) : [];
  return versions.map((version) => join(lib, version, addonName)).find((file) => existsSync(file));
}
