import { describe, expect, it } from 'vitest';
import { launchWorkers, type WorkerExit } from './launcher.js';

const node = (script: string) => ({ command: [process.execPath, '-e', script], env: {} });

function launch(scripts: readonly string[]) {
  const exits: WorkerExit[] = [];
  return { exits, launcher: launchWorkers(scripts.map(node), (exit) => exits.push(exit)) };
}

const isAlive = (pid: number | undefined): boolean => {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('launchWorkers', () => {
  it('reports exit codes and the last lines on stderr', async () => {
    const { exits, launcher } = launch([
      'process.exit(0)',
      'for (let i = 0; i < 50; i++) console.error("line", i); process.exitCode = 65',
    ]);
    await launcher.stop(10_000);
    expect(exits.find(({ rank }) => rank === 0)).toEqual({
      rank: 0,
      code: 0,
      signal: undefined,
      stderr: '',
    });
    const second = exits.find(({ rank }) => rank === 1);
    expect(second).toMatchObject({ code: 65, signal: undefined });
    expect(second?.stderr.split('\n').at(-1)).toBe('line 49');
    expect(second?.stderr.split('\n').length).toBeLessThan(20);
  });

  it('keeps what V8 says when the heap is full, not its native stack', async () => {
    const exits: WorkerExit[] = [];
    const script = 'const kept = []; for (;;) kept.push(new Array(1000).fill(1).map(String))';
    const command = [process.execPath, '--max-old-space-size=20', '-e', script];
    await launchWorkers([{ command, env: {} }], (exit) => exits.push(exit)).stop(20_000);
    expect(exits[0]).toMatchObject({ signal: 'SIGABRT' });
    expect(exits[0]?.stderr).toContain('JavaScript heap out of memory');
    expect(exits[0]?.stderr).not.toContain(': 0x');
  });

  it('names the signal that killed a worker', async () => {
    const { exits, launcher } = launch(['process.kill(process.pid, "SIGKILL")']);
    await launcher.stop(10_000);
    expect(exits).toEqual([{ rank: 0, code: undefined, signal: 'SIGKILL', stderr: '' }]);
  });

  it('kills workers that do not leave', async () => {
    const { exits, launcher } = launch([
      'setInterval(() => {}, 1000)',
      'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)',
    ]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await launcher.stop(10);
    expect(exits.map(({ signal }) => signal).sort()).toEqual(['SIGKILL', 'SIGKILL']);
    expect(launcher.pids.filter(isAlive)).toEqual([]);
  });

  it('reports a program that does not exist as a worker that is gone', async () => {
    const exits: WorkerExit[] = [];
    const commands = [{ command: ['/nonexistent/program'], env: {} }];
    await launchWorkers(commands, (exit) => exits.push(exit)).stop(5000);
    expect(exits[0]?.stderr).toContain('/nonexistent/program did not start');
  });

  it('closes the IPC channel of its workers when it dies', async () => {
    const worker = 'process.on("disconnect", () => process.exit(0)); setInterval(() => {}, 1000)';
    const { launcher, exits } = launch([
      `const { spawn } = require('node:child_process');
       spawn(process.execPath, ['-e', ${JSON.stringify(worker)}], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true })
         .on('spawn', function () { console.error(this.pid); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 200) })`,
    ]);
    await launcher.stop(10_000);
    const pid = Number(exits[0]?.stderr);
    await expect.poll(() => isAlive(pid), { timeout: 3000 }).toBe(false);
  });
});
