import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// The self-test's plugin reads its number of threads there: a stand-in would not reach it.
import { env as environment } from 'node:process';
import { zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MicrotuneError } from '@microtune/shared';
import { runProcess } from './process-runner.js';
import type { ProcessRunner } from './process-runner.js';
import { xlaReleaseHere, xlaStatus } from './xla-manifest.js';
import { isLibraryOrTool } from './nvidia-wheel.js';
import { unpackWanted } from './unpack-wanted.js';
import { xlaReleases } from './xla-release.js';
import { setupXla } from './xla.js';
import { testXlaPlugin } from './xla-test-plugin.js';

const timestamp = '2026-01-02T03:04:05.000Z';
const release = xlaReleaseHere('cpu');
let cacheFolder: string;

beforeEach(() => {
  cacheFolder = mkdtempSync(join(tmpdir(), 'microtune-setup-xla-'));
});
afterEach(() => {
  rmSync(cacheFolder, { recursive: true, force: true });
});

function setUp(run: ProcessRunner = runProcess, lines: string[] = []) {
  const report = (line: string) => lines.push(line);
  return setupXla({ platform: 'cpu', cacheFolder, run, environment, report, timestamp });
}

function isUnavailable(error: unknown): error is MicrotuneError {
  return error instanceof MicrotuneError && (error.code === 'usage' || error.code === 'transient');
}

const leftovers = () => readdirSync(join(cacheFolder, 'xla'));

describe.skipIf(release === undefined)('set-up of XLA from another installation', () => {
  const setUpFrom = (from: string) =>
    setupXla({
      platform: 'cpu',
      cacheFolder,
      from,
      run: () => Promise.reject(new Error('nothing may be fetched')),
      environment,
      report: () => undefined,
      timestamp,
    });

  it('links to it and tries it out; a folder without the plugin is refused', async (context) => {
    const { plugin, skipReason } = await testXlaPlugin(environment);
    if (plugin === undefined) return context.skip(skipReason);
    const sitePackages = plugin.file.slice(0, -release!.plugin.length - 1);
    const { manifest, changed } = await setUpFrom(sitePackages);
    expect(changed).toBe(true);
    expect(manifest).toMatchObject({ from: sitePackages, wheels: [], selfTest: 'passed' });
    expect(xlaStatus(cacheFolder, 'cpu').state).toBe('ready');
    const before = readdirSync(join(cacheFolder, 'xla', release!.id));
    await expect(setUpFrom(cacheFolder)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(`there is no ${release!.plugin}`) as string,
    });
    expect(readdirSync(join(cacheFolder, 'xla', release!.id))).toEqual(before);
  });
});

describe.skipIf(release === undefined)('set-up of XLA from the real wheel', () => {
  it('lays the plugin with a manifest, does nothing the second time, repairs a damaged folder', async (context) => {
    const lines: string[] = [];
    const first = await setUp(runProcess, lines).catch((error: unknown) => {
      if (isUnavailable(error)) context.skip(error.message);
      throw error;
    });
    const id = release!.id;
    expect(first).toMatchObject({ changed: true, plugin: { platform: 'cpu' } });
    expect(first.manifest).toMatchObject({
      id,
      wheels: [{ file: release!.wheels[0]!.file, sha256: release!.wheels[0]!.sha256 }],
      files: [{ path: release!.plugin }],
      systemLibraries: [],
      selfTest: 'passed',
      date: timestamp,
    });
    expect(leftovers()).toEqual([id]);
    expect(lines).toHaveLength(4);
    expect(xlaStatus(cacheFolder, 'cpu')).toMatchObject({ state: 'ready', plugin: first.plugin });

    const nothingMayRun: ProcessRunner = () => Promise.reject(new Error('pip was run again'));
    expect(await setUp(nothingMayRun)).toMatchObject({ changed: false, plugin: first.plugin });

    // A new file in the old one's place: this process has the old one mapped.
    rmSync(first.plugin.file);
    writeFileSync(first.plugin.file, 'cut short');
    expect(xlaStatus(cacheFolder, 'cpu')).toMatchObject({ state: 'damaged' });
    const otherFile: ProcessRunner = async (program, args) => {
      const result = await runProcess(program, args);
      const folder = args[args.indexOf('--dest') + 1] ?? '';
      for (const name of readdirSync(folder)) appendFileSync(join(folder, name), 'x');
      return result;
    };
    await expect(setUp(otherFile)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /not the pinned file: it has \d+ bytes with sha256 \w{64}, expected \w{64}/,
      ) as string,
    });
    expect(leftovers()).toEqual([id]);
    expect((await setUp()).changed).toBe(true);
    expect(xlaStatus(cacheFolder, 'cpu')).toMatchObject({ state: 'ready' });
  });
});

describe.skipIf(release === undefined)('set-up of XLA where something is missing', () => {
  it('names python when there is none', async () => {
    const noPython: ProcessRunner = (program, args) =>
      runProcess(`${program}-that-does-not-exist`, args);
    await expect(setUp(noPython)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('python3 was not found') as string,
    });
    expect(leftovers()).toEqual([]);
  });

  it('repeats what pip says when the index cannot be reached', async (context) => {
    const noIndex: ProcessRunner = (program, [module = '', pip = '', ...args]) =>
      runProcess(program, [
        ...[module, pip, '--isolated', ...args, '--retries', '0'],
        ...['--index-url', 'http://127.0.0.1:9/simple'],
      ]);
    const failure = await setUp(noIndex).catch((error: unknown) => error);
    if (isUnavailable(failure) && failure.code === 'usage') context.skip(failure.message);
    expect(failure).toMatchObject({
      code: 'transient',
      message: expect.stringMatching(
        /pip could not fetch xla-cpu-pjrt 0\.0\.1: No matching distribution/,
      ) as string,
    });
  });

  it('says so when the cache folder cannot be written', async () => {
    writeFileSync(join(cacheFolder, 'xla'), 'a file in the way');
    await expect(setUp()).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('cannot write to') as string,
    });
  });

  it('clears folders of set-ups that were killed, and only those', async () => {
    const dead = join(cacheFolder, 'xla', '.setup-4194999-abc');
    const alive = join(cacheFolder, 'xla', `.setup-${String(process.ppid)}-abc`);
    for (const folder of [dead, alive]) mkdirSync(folder, { recursive: true });
    const noPython: ProcessRunner = (program, args) =>
      runProcess(`${program}-that-does-not-exist`, args);
    await expect(setUp(noPython)).rejects.toThrow('python3 was not found');
    expect([existsSync(dead), existsSync(alive)]).toEqual([false, true]);
  });
});

describe('unpacking a wheel', () => {
  const needed = (path: string) => (isLibraryOrTool(path) ? path : undefined);
  const zipOf = (files: Record<string, string>): string => {
    const file = join(cacheFolder, 'a.whl');
    const entries = Object.entries(files).map(([name, text]) => [
      name,
      new TextEncoder().encode(text),
    ]);
    writeFileSync(file, zipSync(Object.fromEntries(entries) as Record<string, Uint8Array>));
    return file;
  };

  it('takes libraries and tools, and nothing else', async () => {
    const wheel = zipOf({
      'nvidia/cu13/lib/libcublas.so.13': 'library',
      'nvidia/cu13/bin/ptxas': 'tool',
      'nvidia/cu13/nvvm/libdevice/libdevice.10.bc': 'device library',
      'nvidia/cu13/include/cublas.h': 'header',
      'nvidia/__init__.py': 'python',
    });
    expect(await unpackWanted(wheel, cacheFolder, needed)).toEqual([
      { path: 'nvidia/cu13/lib/libcublas.so.13', bytes: 7 },
      { path: 'nvidia/cu13/bin/ptxas', bytes: 4 },
      { path: 'nvidia/cu13/nvvm/libdevice/libdevice.10.bc', bytes: 14 },
    ]);
    expect(readdirSync(join(cacheFolder, 'nvidia', 'cu13')).sort()).toEqual(['bin', 'lib', 'nvvm']);
  });

  it('refuses files that lead out of the folder, and what is no zip', async () => {
    const wheel = zipOf({ '../outside.so': 'library' });
    await expect(unpackWanted(wheel, cacheFolder, needed)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('leads out of its folder') as string,
    });
    const rubbish = join(cacheFolder, 'b.whl');
    writeFileSync(rubbish, 'no zip at all');
    await expect(unpackWanted(rubbish, cacheFolder, needed)).rejects.toMatchObject({
      code: 'data',
    });
  });
});

describe('status of XLA', () => {
  it.skipIf(release === undefined)(
    'is missing in an empty cache folder, damaged with a broken manifest',
    () => {
      expect(xlaStatus(cacheFolder, 'cpu')).toEqual({
        state: 'missing',
        reason: `XLA (${release!.id}) is not in ${cacheFolder}`,
      });
      mkdirSync(join(cacheFolder, 'xla', release!.id), { recursive: true });
      writeFileSync(join(cacheFolder, 'xla', release!.id, 'manifest.json'), '{"id": 1}');
      expect(xlaStatus(cacheFolder, 'cpu')).toMatchObject({
        state: 'damaged',
        reason: expect.stringContaining('manifest.json is not valid') as string,
      });
    },
  );

  it('pins every wheel by hash and names it as its file is called', () => {
    for (const each of Object.values(xlaReleases).flatMap((platforms) =>
      Object.values(platforms),
    )) {
      for (const { name, version, file, sha256 } of each!.wheels) {
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(file.startsWith(`${name.replaceAll('-', '_')}-${version}-py3-none-`)).toBe(true);
      }
    }
  });
});
