import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

const native = new URL('../dist/die-with-parent.js', import.meta.url).href;

const child = `
  import { dieWithParent } from ${JSON.stringify(native)};
  dieWithParent();
  process.send(process.pid, () => {
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });`;

const parent = (file: string): string => `
  import { spawn } from 'node:child_process';
  const child = spawn(process.execPath, [${JSON.stringify(file)}], { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  child.once('message', (pid) => process.send(pid));`;

it.skipIf(platform() !== 'linux')(
  'ends a process that hears nothing when the one that started it is killed',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'microtune-parent-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const [childFile, parentFile] = [join(folder, 'child.mjs'), join(folder, 'parent.mjs')];
    writeFileSync(childFile, child);
    writeFileSync(parentFile, parent(childFile));
    const started = fork(parentFile);
    const [pid] = (await once(started, 'message')) as [number];
    started.kill('SIGKILL');
    await expect.poll(() => isAlive(pid), { timeout: 3000 }).toBe(false);
  },
);

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
