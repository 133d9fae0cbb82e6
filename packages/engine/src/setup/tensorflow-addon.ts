/**
 * Building the addon of @tensorflow/tfjs-node-gpu, as npm ships its two source files, against the libraries of the
 * wheel. Its own build would fetch TensorFlow 2.9.1 and write into node_modules; here one compiler call does, and the
 * headers of Node-API come from npm too.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import { addonPackage, fetchAddonSources, installedAddonSources } from './addon-sources.js';
import type { ProcessRunner } from './process-runner.js';
import { addonName } from './tensorflow-manifest.js';

const require = createRequire(import.meta.url);

/** Before gigabytes are fetched for it. @throws MicrotuneError `usage` without a C++ compiler */
export async function requireCompiler(run: ProcessRunner): Promise<void> {
  if ((await run('g++', ['--version'])).exitCode !== undefined) return;
  throw new MicrotuneError(
    'usage',
    'g++ was not found: building the addon of tfjs-node-gpu needs a C++ compiler once (not at run time). ' +
      'Install it (Debian and Ubuntu: apt-get install g++) and run the command again',
  );
}

/**
 * Compiles the addon into a folder that holds the wheel's `tensorflow/`; it finds the libraries there, wherever the
 * folder moves. The sources are those of the installed package, or fetched.
 * @throws MicrotuneError `data` when the sources do not compile; see `fetchAddonSources`
 */
export async function buildAddon(run: ProcessRunner, folder: string): Promise<void> {
  const sources = installedAddonSources() ?? (await fetchAddonSources(run, folder));
  const headers = dirname(require.resolve('node-api-headers/package.json'));
  const libraries = join(folder, 'tensorflow');
  const result = await run('g++', [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-w'],
    ...['-I', join(headers, 'include')],
    ...['-I', join(libraries, 'include')],
    ...['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(sources, file)),
    ...['-o', join(folder, addonName), '-Wl,-rpath,$ORIGIN/tensorflow', '-L', libraries],
    ...['-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
  ]);
  if (result.exitCode === 0) return;
  const lines = result.stderr.split('\n');
  const error = lines.find((line) => /error/i.test(line)) ?? lines[0] ?? '';
  throw new MicrotuneError(
    'data',
    `the addon of ${addonPackage} does not compile against this TensorFlow: ${error.trim()}. It needs g++ 9 or newer`,
  );
}
