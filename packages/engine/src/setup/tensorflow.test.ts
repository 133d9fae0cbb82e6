import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libraryWarning } from './missing-libraries.js';
import type { ProcessRunner } from './process-runner.js';
import { runProcess } from './process-runner.js';
import { buildAddon } from './tensorflow-addon.js';
import {
  tensorflowFolder,
  tensorflowReleaseHere,
  tensorflowStatus,
} from './tensorflow-manifest.js';
import { tensorflowReleases } from './tensorflow-release.js';
import { selfTestTensorflow } from './tensorflow-self-test.js';
import { testTensorflow } from './tensorflow-test-addon.js';
import { setupTensorflow } from './tensorflow.js';

const release = tensorflowReleaseHere('cpu');
const wheel = release?.wheels[0];
const { addonFile, skipReason } = await testTensorflow();
let cacheFolder: string;

beforeEach(() => {
  cacheFolder = mkdtempSync(join(tmpdir(), 'microtune-setup-'));
});

afterEach(() => {
  rmSync(cacheFolder, { recursive: true, force: true });
});

const timestamp = '2026-01-02T03:04:05.000Z';
const setUp = (run: ProcessRunner) =>
  setupTensorflow({ platform: 'cpu', cacheFolder, run, report: () => undefined, timestamp });
const leftovers = () => readdirSync(join(cacheFolder, 'tensorflow'));
/** All programs answer this, but for a compiler that is there. */
const answering =
  (exitCode: number | undefined, stderr: string): ProcessRunner =>
  (program, [first]) =>
    Promise.resolve(
      program === 'g++' && first === '--version'
        ? { exitCode: 0, stdout: 'g++ 12', stderr: '' }
        : { exitCode, stdout: '', stderr },
    );

/** Leaves a file in pip's place. */
const pipLeaving =
  (content: string): ProcessRunner =>
  (program, args) => {
    if (program === 'g++') return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
    writeFileSync(join(args[args.indexOf('--dest') + 1] ?? '', wheel?.file ?? ''), content);
    return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
  };

describe.skipIf(addonFile === undefined)(
  `set-up of TensorFlow (${skipReason ?? 'real wheel'})`,
  () => {
    it('leaves a whole folder, and does nothing the second time', async () => {
      const folder = join(addonFile!, '..');
      const cache = join(folder, '..', '..');
      expect(tensorflowStatus(cache, 'cpu')).toMatchObject({
        state: 'ready',
        addonFile,
        manifest: {
          version: '2.21.0',
          addonVersion: '4.22.0',
          wheels: [{ sha256: wheel?.sha256 }],
        },
      });
      const lines: string[] = [];
      const nothingMayRun: ProcessRunner = () => Promise.reject(new Error('something was run'));
      const again = await setupTensorflow({
        platform: 'cpu',
        cacheFolder: cache,
        run: nothingMayRun,
        report: (line) => lines.push(line),
        timestamp,
      });
      expect(again).toMatchObject({ changed: false, addonFile });
      expect(lines).toEqual([`TensorFlow 2.21.0 is already in ${folder}`]);
    });

    it('tries the addon in a process of its own, and says what is wrong', async () => {
      expect(
        await selfTestTensorflow(runProcess, { addonFile: addonFile!, folder: cacheFolder }),
      ).toBe('2.21.0');
      const broken = join(cacheFolder, 'broken.node');
      writeFileSync(broken, 'no library at all');
      await expect(
        selfTestTensorflow(runProcess, { addonFile: broken, folder: cacheFolder }),
      ).rejects.toMatchObject({
        code: 'data',
        message: expect.stringMatching(/does not work here: .*broken\.node/) as string,
      });
    });
  },
);

describe.skipIf(addonFile === undefined)('set-up of TensorFlow from another installation', () => {
  const noFetch: ProcessRunner = (program, args) =>
    program === 'python3' ? Promise.reject(new Error('pip was run')) : runProcess(program, args);
  const setUpFrom = (from: string, run = noFetch, lines: string[] = []) => {
    const report = (line: string) => lines.push(line);
    return setupTensorflow({ platform: 'cpu', cacheFolder, run, report, timestamp, from });
  };

  it('uses what the installer of tfjs-node-gpu left, with a warning about its age', async () => {
    const folder = join(cacheFolder, 'tfjs-node-gpu');
    mkdirSync(join(folder, 'lib', 'napi-v8'), { recursive: true });
    symlinkSync(addonFile!, join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'));
    // The addon is the pinned one; what it says of its age is a stand-in's.
    const old: ProcessRunner = async (program, args) => {
      const result = await noFetch(program, args);
      return { ...result, stdout: result.stdout.replace('2.21.0', '2.9.1') };
    };
    const lines: string[] = [];
    const { manifest } = await setUpFrom(folder, old, lines);
    expect(manifest).toMatchObject({ version: '2.9.1', from: folder, wheels: [] });
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^warning: .* tested with TensorFlow 2\.21\.0, .* 2\.9\.1; it is of 2022/,
      ),
    );
    expect(tensorflowStatus(cacheFolder, 'cpu').state).toBe('ready');
    expect(libraryWarning('tensorflow', cacheFolder)).toContain('2.9.1');
  });

  // A compilation of C++: slow where other processes want the cores.
  it(
    'builds the addon against the TensorFlow of a Python; refuses a folder without either',
    { timeout: 240_000 },
    async () => {
      const lines: string[] = [];
      const { manifest } = await setUpFrom(join(addonFile!, '..'), noFetch, lines);
      expect(manifest).toMatchObject({ version: '2.21.0', wheels: [] });
      expect(lines.some((line) => line.startsWith('warning'))).toBe(false);
      expect(libraryWarning('tensorflow', cacheFolder)).toBeUndefined();
      await expect(setUpFrom(cacheFolder)).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining(
          'there is neither lib/napi-v*/tfjs_binding.node',
        ) as string,
      });
      expect(tensorflowStatus(cacheFolder, 'cpu').state).toBe('ready');
    },
  );
});

describe.skipIf(wheel === undefined)('set-up of TensorFlow where something is missing', () => {
  it('refuses a wheel with other bytes and leaves nothing behind', async () => {
    await expect(setUp(pipLeaving('another file'))).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /not the pinned file: it has 12 bytes with sha256 .*, expected 2b84/,
      ) as string,
    });
    expect(leftovers()).toEqual([]);
    expect(tensorflowStatus(cacheFolder, 'cpu')).toMatchObject({ state: 'missing' });
  });

  it.each([
    ['no python', answering(undefined, ''), 'usage', 'python3 was not found'],
    ['no pip', answering(1, 'python3: No module named pip'), 'usage', 'python3 has no pip'],
    [
      'no index',
      answering(1, 'WARNING: x\nERROR: No matching distribution found'),
      'transient',
      'pip could not fetch tensorflow-cpu 2.21.0: No matching distribution found. Check the network',
    ],
  ])('says so with %s', async (_, run, code, message) => {
    await expect(setUp(run)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
    expect(leftovers()).toEqual([]);
  });

  it('names the compiler when there is none, before anything is fetched', async () => {
    const asked: string[] = [];
    const noProgram: ProcessRunner = (program) => {
      asked.push(program);
      return Promise.resolve({ exitCode: undefined, stdout: '', stderr: '' });
    };
    await expect(setUp(noProgram)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('g++ was not found') as string,
    });
    expect(asked).toEqual(['g++']);
  });

  it('repeats what the compiler says', async () => {
    await expect(
      buildAddon(
        answering(1, 'a.cc:1: fatal error: tensorflow/c/c_api.h: No such file'),
        cacheFolder,
      ),
    ).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('tensorflow/c/c_api.h: No such file') as string,
    });
  });

  it('clears folders of set-ups that were killed, and only those', async () => {
    const parent = join(cacheFolder, 'tensorflow');
    const dead = join(parent, '.setup-4194999-abc');
    const alive = join(parent, `.setup-${String(process.ppid)}-abc`);
    for (const folder of [dead, alive]) mkdirSync(folder, { recursive: true });
    await expect(setUp(answering(undefined, ''))).rejects.toThrow('python3 was not found');
    expect([existsSync(dead), existsSync(alive)]).toEqual([false, true]);
  });
});

describe.skipIf(wheel === undefined)('status of TensorFlow', () => {
  it('pins every wheel by hash and names it as its file is called', () => {
    for (const each of Object.values(tensorflowReleases).flatMap((machines) =>
      Object.values(machines),
    )) {
      for (const { name, version, file, sha256 } of each!.wheels) {
        expect(sha256).toMatch(/^[0-9a-f]{64}$/);
        expect(file.startsWith(`${name.replaceAll('-', '_')}-${version}-`)).toBe(true);
      }
    }
  });

  it('is damaged with a manifest that does not parse, or a file cut short', () => {
    const folder = tensorflowFolder(cacheFolder, release!);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'manifest.json'), '{"version": "2.21.0"}');
    expect(tensorflowStatus(cacheFolder, 'cpu')).toMatchObject({
      state: 'damaged',
      reason: expect.stringContaining('manifest.json') as string,
    });
    const files = [{ path: 'tfjs_binding.node', bytes: 7 }];
    const wheels = [{ file: 'w', sha256: 's' }];
    const versions = { id: '2.21.0', version: '2.21.0', addonVersion: '4.22.0' };
    const manifest = { ...versions, wheels, systemLibraries: [], files };
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify({ ...manifest, date: timestamp }));
    expect(tensorflowStatus(cacheFolder, 'cpu')).toMatchObject({
      state: 'damaged',
      reason: expect.stringContaining('tfjs_binding.node is missing or cut short') as string,
    });
    writeFileSync(join(folder, 'tfjs_binding.node'), 'library');
    expect(tensorflowStatus(cacheFolder, 'cpu')).toMatchObject({ state: 'ready' });
  });
});
