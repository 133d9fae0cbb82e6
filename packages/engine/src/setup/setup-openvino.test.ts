import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openvinoFolder, openvinoStatus } from './openvino-manifest.js';
import { openvinoWheels } from './openvino-release.js';
import type { Wheel } from './wheel.js';
import type { ProcessRunner } from './process-runner.js';
import { runProcess } from './process-runner.js';
import { setupOpenvino } from './setup-openvino.js';
import { isUnavailable } from './test-libraries.js';

const timestamp = '2026-01-02T03:04:05.000Z';
const wheel = openvinoWheels[`${process.platform}-${process.arch}`];
let cacheFolder: string;

beforeEach(() => {
  cacheFolder = mkdtempSync(join(tmpdir(), 'microtune-setup-'));
});

afterEach(() => {
  rmSync(cacheFolder, { recursive: true, force: true });
});

function setUp(options: { run?: ProcessRunner; wheel?: Wheel } = {}) {
  return setupOpenvino({
    cacheFolder,
    run: runProcess,
    report: () => undefined,
    timestamp,
    ...options,
  });
}

/** Runs pip for real, then does something to the wheel that it left. */
function pipThen(change: (file: string) => void): ProcessRunner {
  return async (program, args) => {
    const result = await runProcess(program, args);
    const folder = args[args.indexOf('--dest') + 1] ?? '';
    if (result.exitCode === 0) {
      for (const name of readdirSync(folder)) change(join(folder, name));
    }
    return result;
  };
}

const leftovers = (): string[] => readdirSync(join(cacheFolder, 'openvino'));

describe.skipIf(wheel === undefined)('set-up of OpenVINO from the real wheel', () => {
  it('lays the libraries with a manifest, does nothing the second time, repairs a damaged folder', async (context) => {
    const lines: string[] = [];
    const first = await setupOpenvino({
      cacheFolder,
      run: runProcess,
      report: (line) => lines.push(line),
      timestamp,
    }).catch((error: unknown) => {
      if (isUnavailable(error)) context.skip(error.message);
      throw error;
    });
    expect(first.changed).toBe(true);
    expect(first.manifest).toMatchObject({
      version: '2026.4.1',
      wheel: wheel?.file,
      sha256: wheel?.sha256,
      date: timestamp,
    });
    expect(leftovers()).toEqual(['2026.4.1']);
    // `compiled` is what the trial graph left in the cache of compiled graphs.
    expect(readdirSync(first.librariesFolder).sort()).toEqual(
      [...first.manifest.files.map(({ name }) => name), 'compiled', 'manifest.json'].sort(),
    );
    expect(openvinoStatus(cacheFolder)).toMatchObject({ state: 'ready' });
    expect(lines).toHaveLength(4);

    const nothingMayRun: ProcessRunner = () => Promise.reject(new Error('pip was run again'));
    const second = await setUp({ run: nothingMayRun });
    expect(second).toMatchObject({ changed: false, librariesFolder: first.librariesFolder });

    // A new file in the old one's place: this process has the old one mapped.
    rmSync(join(first.librariesFolder, 'libtbb.so.12'));
    writeFileSync(join(first.librariesFolder, 'libtbb.so.12'), 'cut short');
    expect(openvinoStatus(cacheFolder)).toMatchObject({
      state: 'damaged',
      reason: expect.stringContaining('libtbb.so.12') as string,
    });
    await expect(
      setUp({ run: pipThen((file) => truncateSync(file, 1_000_000)) }),
    ).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/1000000 bytes with sha256/) as string,
    });
    const repaired = await setUp();
    expect(repaired.changed).toBe(true);
    expect(openvinoStatus(cacheFolder)).toMatchObject({ state: 'ready' });
  });

  it('refuses a wheel with other bytes and leaves nothing behind', async (context) => {
    const failure = await setUp({ run: pipThen((file) => appendFileSync(file, 'x')) }).catch(
      (error: unknown) => error,
    );
    if (isUnavailable(failure)) context.skip(failure.message);
    expect(failure).toMatchObject({
      code: 'data',
      message: expect.stringMatching(
        /not the pinned file: .* sha256 .*, expected 2d22|bea1/,
      ) as string,
    });
    expect(leftovers()).toEqual([]);
    expect(openvinoStatus(cacheFolder)).toMatchObject({ state: 'missing' });
  });
});

describe.skipIf(wheel === undefined)('set-up of OpenVINO where something is missing', () => {
  it('names python when there is none', async () => {
    const noPython: ProcessRunner = (program, args) =>
      runProcess(`${program}-that-does-not-exist`, args);
    await expect(setUp({ run: noPython })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('python3 was not found') as string,
    });
    expect(leftovers()).toEqual([]);
  });

  it('names pip when python has none', async () => {
    // -S leaves site-packages out, and pip with it.
    const noPip: ProcessRunner = (program, args) => runProcess(program, ['-I', '-S', ...args]);
    await expect(setUp({ run: noPip })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(/has no pip|python3 was not found/) as string,
    });
  });

  it('repeats what pip says when the index cannot be reached', async (context) => {
    const noIndex: ProcessRunner = (program, [module = '', pip = '', ...args]) =>
      runProcess(program, [
        ...[module, pip, '--isolated', ...args, '--retries', '0'],
        ...['--index-url', 'http://127.0.0.1:9/simple'],
      ]);
    const failure = await setUp({ run: noIndex }).catch((error: unknown) => error);
    if (isUnavailable(failure) && failure.code === 'usage') context.skip(failure.message);
    expect(failure).toMatchObject({
      code: 'transient',
      message: expect.stringMatching(
        /pip could not fetch openvino 2026\.4\.1: No matching distribution/,
      ) as string,
    });
  });

  it('takes a full disk for what it is, not for a broken network (E23)', async () => {
    const full: ProcessRunner = () =>
      Promise.resolve({
        exitCode: 1,
        stdout: '',
        stderr: 'ERROR: Could not install packages: [Errno 28] No space left on device\n',
      });
    await expect(setUp({ run: full })).rejects.toMatchObject({
      code: 'transient',
      message: expect.stringMatching(/^no room for openvino .*Free space on the disk of/) as string,
    });
  });

  it('says so when the cache folder cannot be written', async () => {
    writeFileSync(join(cacheFolder, 'openvino'), 'a file in the way');
    await expect(setUp()).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('cannot write to') as string,
    });
  });

  it('clears folders of set-ups that were killed, and only those', async () => {
    const dead = join(cacheFolder, 'openvino', '.setup-4194999-abc');
    const alive = join(cacheFolder, 'openvino', `.setup-${String(process.ppid)}-abc`);
    for (const folder of [dead, alive]) mkdirSync(folder, { recursive: true });
    const noPython: ProcessRunner = (program, args) =>
      runProcess(`${program}-that-does-not-exist`, args);
    await expect(setUp({ run: noPython })).rejects.toThrow('python3 was not found');
    expect([existsSync(dead), existsSync(alive)]).toEqual([false, true]);
  });
});

describe('status of OpenVINO', () => {
  it('is missing in an empty cache folder', () => {
    expect(openvinoStatus(cacheFolder)).toEqual({
      state: 'missing',
      reason: `OpenVINO 2026.4.1 is not in ${cacheFolder}`,
    });
  });

  it('is damaged with a manifest that does not parse', () => {
    mkdirSync(openvinoFolder(cacheFolder), { recursive: true });
    writeFileSync(join(openvinoFolder(cacheFolder), 'manifest.json'), '{"version": "2026.4.1"}');
    expect(openvinoStatus(cacheFolder)).toMatchObject({
      state: 'damaged',
      reason: expect.stringContaining('manifest.json') as string,
    });
  });
});
