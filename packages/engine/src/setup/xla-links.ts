/** A plugin that is on this machine already, used where it is. */
import { existsSync } from 'node:fs';
import { stat, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import type { NativeEnvironment } from '../xla/native-environment.js';
import { pluginIn, xlaManifestName, type XlaManifest } from './xla-manifest.js';
import type { XlaRelease } from './xla-release.js';
import { selfTestXla } from './xla-self-test.js';

export interface LinkOptions {
  /** Folder of the installation, e.g. site-packages of a Python that has JAX. */
  readonly from: string;
  /** process.env, which the plugin's own code reads during the self-test. */
  readonly environment: NativeEnvironment;
  readonly report: (line: string) => void;
  /** ISO 8601, for the manifest. */
  readonly timestamp: string;
}

/**
 * Links to the folders of another installation, laid out as its wheels are. It is tried out like a fetched one, and
 * counts as damaged as soon as its plugin changes its size.
 * @throws MicrotuneError `usage` when the plugin is not there, `data` when it does not compute
 */
export async function linkInstallation(
  { from, report, environment, timestamp }: LinkOptions,
  release: XlaRelease,
  aside: string,
): Promise<XlaManifest> {
  const source = resolve(from);
  const [pluginFolder = ''] = release.plugin.split('/');
  const found = await stat(join(source, release.plugin)).catch(() => undefined);
  if (found === undefined) {
    throw new MicrotuneError(
      'usage',
      `--from ${from}: there is no ${release.plugin}; name the site-packages folder that holds ${pluginFolder}`,
    );
  }
  for (const folder of [pluginFolder, 'nvidia']) {
    if (existsSync(join(source, folder))) await symlink(join(source, folder), join(aside, folder));
  }
  report(`using ${join(source, release.plugin)}; running a small graph`);
  const selfTest = await selfTestXla(pluginIn(aside, release), environment);
  if (selfTest !== 'passed') report(`not tried out: ${selfTest}`);
  const manifest = {
    id: release.id,
    wheels: [],
    from: source,
    systemLibraries: [],
    files: [{ path: release.plugin, bytes: found.size }],
    selfTest,
    date: timestamp,
  };
  await writeFile(join(aside, xlaManifestName), `${JSON.stringify(manifest, undefined, 2)}\n`, {
    flush: true,
  });
  return manifest;
}
