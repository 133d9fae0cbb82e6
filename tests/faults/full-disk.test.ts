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

/** In a mount namespace: a command onto a disk of which 8 kB are free. */
const almostFull = `
  disk="$1" seen="$2"; shift 2
  mount -t tmpfs -o size=400k none "$disk"
  head -c 376832 /dev/zero >"$disk/other"
  eval "$FIRST" >"$seen/first.txt" 2>&1; echo $? >"$seen/first.code"
  rm "$disk/other"
  cp -a "$disk/run" "$seen/run-when-full"
`;

/** In a mount namespace: a command that fills a disk of 1 MB, then the disk grows, then another command. */
const fillThenGrow = `
  disk="$1" seen="$2"; shift 2
  mount -t tmpfs -o size=1m none "$disk"
  eval "$FIRST" >"$seen/first.txt" 2>&1; echo $? >"$seen/first.code"
  cp -a "$disk/run" "$seen/run-when-full"
  mount -o remount,size=16m "$disk"
  eval "$SECOND" >"$seen/second.txt" 2>&1; echo $? >"$seen/second.code"
  cp -a "$disk/run" "$seen/run"
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
        env: { ...first.env, FIRST: quoted(first.command), SECOND: quoted(second.command) },
      });
      const read = (name: string): string => readFileSync(join(seen, name), 'utf8').trim();

      expect(read('first.code')).toBe('75');
      expect(read('first.txt')).toMatch(
        /cannot save .*checkpoint-8 \(\w+\.(safetensors|json)\): ENOSPC.*free space on that disk/,
      );
      expect(read('first.txt')).toMatch(/--resume_from_checkpoint .*run\/checkpoint-6/);
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
    const options = { max_steps: 1000 };
    const first = trainCommand(job, { output: join(disk, 'run'), workers: 2, options });
    await run('unshare', ['-rm', 'sh', '-c', almostFull, 'sh', disk, seen], {
      env: { ...first.env, FIRST: quoted(first.command) },
    });
    expect(readFileSync(join(seen, 'first.code'), 'utf8').trim()).toBe('75');
    expect(readFileSync(join(seen, 'first.txt'), 'utf8')).toMatch(
      /cannot write .*\.jsonl: ENOSPC.*free space on that disk.*No checkpoint was written yet/,
    );
    expect(leftAside(join(seen, 'run-when-full'))).toEqual([]);
    expect(processesOf(job)).toEqual([]);
  });
});

const quoted = (command: readonly string[]): string =>
  command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

/** Temporary files and folders, and checkpoints that are not whole. */
function leftAside(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /\.(tmp|partial|previous|lock)/.test(name));
}
