import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockRunFolder } from './run-lock.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'microtune-lock-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const lockOf = (folder: string): string => join(folder, '.microtune.lock');

describe('lockRunFolder', () => {
  it('keeps a second call of the same process out (A4), naming the holder, and leaves nothing', async () => {
    const run = join(root, 'new', 'run');
    const lock = await lockRunFolder(run);
    expect(lock.note).toBeUndefined();
    await expect(lockRunFolder(run)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(
        `output_dir: process ${process.pid} on ${hostname()} is writing into ${run}`,
      ) as string,
    });
    lock[Symbol.dispose]();
    expect(readdirSync(root)).toEqual([]);
  });

  it('lets exactly one of many in at a time, also while locks come and go', async () => {
    let inside = 0;
    const tries = Array.from({ length: 40 }, async () => {
      try {
        const lock = await lockRunFolder(root);
        inside++;
        expect(inside).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 1));
        inside--;
        lock[Symbol.dispose]();
        return 1;
      } catch {
        return 0;
      }
    });
    const entered = (await Promise.all(tries)).reduce<number>((sum, one) => sum + one, 0);
    expect(entered).toBeGreaterThan(0);
    expect(readdirSync(root)).toEqual([]);
  });

  it('is free when its holder was killed, whatever pid and host its file names', async () => {
    const script = `
      import { lockRunFolder } from ${JSON.stringify(new URL('../dist/run-lock.js', import.meta.url).href)};
      await lockRunFolder(${JSON.stringify(root)});
      console.log('locked');
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await once(holder.stdout, 'data');
    await expect(lockRunFolder(root)).rejects.toThrow(`process ${holder.pid} on ${hostname()}`);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(existsSync(lockOf(root))).toBe(true);
    writeFileSync(lockOf(root), JSON.stringify({ pid: process.pid, host: 'elsewhere' }));
    const lock = await lockRunFolder(root);
    expect(JSON.parse(readFileSync(lockOf(root), 'utf8'))).toMatchObject({ host: hostname() });
    lock[Symbol.dispose]();
    expect(readdirSync(root)).toEqual([]);
  });

  it('does not unlock what another has locked since, and follows no link', async () => {
    const first = await lockRunFolder(root);
    rmSync(lockOf(root));
    const second = await lockRunFolder(root);
    first[Symbol.dispose]();
    expect(existsSync(lockOf(root))).toBe(true);
    second[Symbol.dispose]();
    const target = join(root, 'precious');
    mkdirSync(join(root, 'run'));
    writeFileSync(target, 'mine');
    symlinkSync(target, lockOf(join(root, 'run')));
    await expect(lockRunFolder(join(root, 'run'))).rejects.toMatchObject({ code: 'transient' });
    expect(readFileSync(target, 'utf8')).toBe('mine');
  });
});
