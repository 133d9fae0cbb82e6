import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MicrotuneError } from '@microtune/shared';
import { fetchAddonSources, installedAddonSources } from './addon-sources.js';
import { runProcess } from './process-runner.js';
import type { ProcessRunner } from './process-runner.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'microtune-addon-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const answering =
  (exitCode: number | undefined, stderr = ''): ProcessRunner =>
  () =>
    Promise.resolve({ exitCode, stdout: '', stderr });

describe('sources of the addon', () => {
  it('are fetched where the package is not installed, and are the files that it has', async (context) => {
    const fetched = await fetchAddonSources(runProcess, folder).catch((error: unknown) => {
      if (error instanceof MicrotuneError && error.code === 'transient')
        return context.skip(error.message);
      throw error;
    });
    const installed = installedAddonSources()!;
    const files = readdirSync(installed).filter((file) => /\.(?:cc|h)$/.test(file));
    expect(files).toContain('tfjs_backend.cc');
    for (const file of files)
      expect(readFileSync(join(fetched, file))).toEqual(readFileSync(join(installed, file)));
    expect(readdirSync(folder)).toEqual(['tfjs-node-gpu']);
  });

  const noNetwork = answering(1, 'npm error code E404\nnpm error 404');
  it.each([
    ['no npm', answering(undefined), 'usage', 'npm was not found'],
    ['no network', noNetwork, 'transient', 'code E404. Check the'],
  ] as const)('say so with %s', async (_, run, code, message) => {
    await expect(fetchAddonSources(run, folder)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
  });

  it('are refused when the registry serves another file', async () => {
    const file = 'tensorflow-tfjs-node-gpu-4.22.0.tgz';
    writeFileSync(join(folder, file), 'something else');
    await expect(fetchAddonSources(answering(0), folder)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('14 bytes with sha512') as string,
    });
  });
});
