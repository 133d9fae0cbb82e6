import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { onnxRuntimeVersion } from '../../engine/src/onnx/runtime-version.js';

const folder = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
interface Manifest {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}
const manifestOf = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Manifest;

describe('onnxruntime, repackaged', () => {
  it('is the version of onnxruntime-node that it was taken from, and runs nothing at install', () => {
    const own = manifestOf(`${folder}package.json`);
    const source = manifestOf(require.resolve('onnxruntime-node/package.json'));
    expect(own.version).toBe(source.version);
    const engine = manifestOf(`${folder}../engine/package.json`);
    expect(engine.dependencies['@microtune/onnxruntime']).toBe(own.version);
    expect(onnxRuntimeVersion).toBe(own.version);
    expect(own.dependencies['onnxruntime-common']).toBe(source.dependencies['onnxruntime-common']);
    expect(Object.keys(own.scripts)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/install$|^prepare$/)]),
    );
  });

  it('holds the libraries of Linux and of no other system', () => {
    const bin = `${folder}dist/bin/napi-v6`;
    for (const machine of ['x64', 'arm64'])
      for (const file of ['onnxruntime_binding.node', 'libonnxruntime.so.1'])
        expect(existsSync(`${bin}/linux/${machine}/${file}`), `${machine}/${file}`).toBe(true);
    expect(existsSync(`${bin}/win32`) || existsSync(`${bin}/darwin`)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('loads', async () => {
    const { listSupportedBackends } = await import('@microtune/onnxruntime');
    expect(listSupportedBackends()).toContainEqual({ name: 'cpu', bundled: true });
  });
});
