import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { expect, it, onTestFinished } from 'vitest';
import { createActivityMeter } from './activity-meter.js';

function start(script: string): number {
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child.pid ?? 0;
}

it.skipIf(platform() !== 'linux')(
  'tells a process that computes from one that waits and one that is stopped',
  async () => {
    const pids = [
      start('for (;;);'),
      start('setInterval(() => {}, 100)'),
      start('for (;;);'),
      undefined,
    ];
    const meter = createActivityMeter(pids);
    process.kill(pids[2] ?? 0, 'SIGSTOP');
    meter.look();
    // The one that waits is busy with starting at first.
    await expect
      .poll(() => meter.look(), { interval: 1000, timeout: 20_000 })
      .toEqual(['busy', 'idle', 'stopped', 'unknown']);
  },
);
