import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { processesOf, readSummary, train, trainCommand } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

const run = promisify(execFile);

/** A disk of our own needs a mount namespace, which some systems do not give to users. */
const mayMount =
  spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', '/mnt']).status ===
  0;

/**
 * In a mount namespace: a command on a disk of $SIZE that something else fills, to $LEFT kB, once $SIGN is there; then the disk
 * grows, then another command.
 */
const fillThenGrow = `
  disk="$1" seen="$2"; shift 2
  mount -t tmpfs -o size="$SIZE" none "$disk"
  (
    until [ -s "$disk/run/$SIGN" ] || [ -e "$seen/first.code" ]; do sleep 0.01; done
    free=$(df -k --output=avail "$disk" | tail -n 1)
    head -c $(((free - LEFT) * 1024)) /dev/zero >"$disk/other"
  ) &
  eval "$FIRST" >"$seen/first.txt" 2>&1; echo $? >"$seen/first.code"
  wait
  rm -f "$disk/other"
  mount -o remount,size=16m "$disk"
  [ ! -d "$disk/run" ] || cp -a "$disk/run" "$seen/run-when-full"
  eval "$SECOND" >"$seen/second.txt" 2>&1; echo $? >"$seen/second.code"
  [ ! -d "$disk/run" ] || cp -a "$disk/run" "$seen/run"
`;

describe('a disk that fills up', () => {
  it.skipIf(!mayMount)(
    'ends the run with code 75, file and remedy named; earlier checkpoints are whole, and the run goes on to the same weights',
    async () => {
      using job = await makeTinyJob();
      const [disk, seen] = [job.output('disk'), job.output('seen')];
      for (const folder of [disk, seen]) mkdirSync(folder);
      const options = { max_steps: 20, save_strategy: 'steps', save_steps: 2 };
      const first = trainCommand(job, { output: join(disk, 'run'), workers: 2, options });
      const second = trainCommand(job, {
        output: join(disk, 'run'),
        workers: 1,
        options: { ...options, save_strategy: 'no', resume_from_checkpoint: true },
      });
      await run('unshare', ['-rm', 'sh', '-c', fillThenGrow, 'sh', disk, seen], {
        env: {
          ...first.env,
          ...{ SIZE: '4m', SIGN: 'checkpoint-4/config.json', LEFT: '100' },
          ...{ FIRST: quoted(first.command), SECOND: quoted(second.command) },
        },
      });
      const read = (name: string): string => readFileSync(join(seen, name), 'utf8').trim();

      expect(read('first.code')).toBe('75');
      expect(read('first.txt')).toMatch(
        /cannot save .*checkpoint-\d+ \(\w+\.(safetensors|json)\): ENOSPC.*free space on that disk/,
      );
      expect(read('first.txt')).toMatch(/--resume_from_checkpoint .*run\/checkpoint-\d+/);
      expect(leftAside(join(seen, 'run-when-full'))).toEqual([]);
      expect(processesOf(job)).toEqual([]);

      expect([read('second.code'), read('second.txt')]).toEqual(['0', expect.any(String)]);
      const whole = await train(job, {
        output: job.output('whole'),
        workers: 1,
        options: { max_steps: 20 },
      });
      expect(readSummary(join(seen, 'run')).params_sha256).toBe(whole.params_sha256);
    },
  );

  it.skipIf(!mayMount)('ends the run when metrics cannot be written, too', async () => {
    using job = await makeTinyJob();
    const [disk, seen] = [job.output('disk'), job.output('seen')];
    for (const folder of [disk, seen]) mkdirSync(folder);
    const options = { max_steps: 100_000 };
    const first = trainCommand(job, { output: join(disk, 'run'), workers: 2, options });
    await run('unshare', ['-rm', 'sh', '-c', fillThenGrow, 'sh', disk, seen], {
      env: {
        ...first.env,
        ...{ SIZE: '1m', SIGN: 'metrics.jsonl', LEFT: '0', SECOND: 'true' },
        FIRST: quoted(first.command),
      },
    });
    expect(readFileSync(join(seen, 'first.code'), 'utf8').trim()).toBe('75');
    expect(readFileSync(join(seen, 'first.txt'), 'utf8')).toMatch(
      /cannot write .*\.jsonl: ENOSPC.*free space on that disk.*No checkpoint was written yet/,
    );
    expect(leftAside(join(seen, 'run-when-full'))).toEqual([]);
    expect(processesOf(job)).toEqual([]);
  });

  it.skipIf(!mayMount)(
    'is found too small before the first step, and left as it was (C13)',
    async () => {
      using job = await makeTinyJob();
      const [disk, seen] = [job.output('disk'), job.output('seen')];
      for (const folder of [disk, seen]) mkdirSync(folder);
      const options = { max_steps: 100, save_strategy: 'steps', save_steps: 2 };
      const first = trainCommand(job, { output: join(disk, 'run'), workers: 1, options });
      const second = first.command.map((word) => (word === 'train' ? 'check' : word));
      await run('unshare', ['-rm', 'sh', '-c', fillThenGrow, 'sh', disk, seen], {
        env: {
          ...first.env,
          ...{ SIZE: '1m', SIGN: 'metrics.jsonl', LEFT: '0' },
          ...{ FIRST: quoted(first.command), SECOND: quoted(second) },
        },
      });
      const read = (name: string): string => readFileSync(join(seen, name), 'utf8').trim();
      expect(read('first.code')).toBe('64');
      expect(read('first.txt')).toMatch(
        /needs at least \d+ MB: 50 checkpoints of .*--save_total_limit/,
      );
      expect(readdirSync(seen).sort()).toEqual([
        'first.code',
        'first.txt',
        'second.code',
        'second.txt',
      ]);
      // On a disk of 16 MB it fits, though maybe not by much.
      expect(read('second.code')).toBe('0');
      expect(JSON.parse(read('second.txt').split('\n').at(-1) ?? '')).toMatchObject({
        disk_bytes: expect.any(Number) as number,
      });
    },
  );
});

const quoted = (command: readonly string[]): string =>
  command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

/** Temporary files and folders, and checkpoints that are not whole. */
function leftAside(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(tmp|partial|previous|lock)/.test(name));
}
