import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { eventually, readSteps, trainCommand } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

/** util-linux: runs a command on a terminal of its own. */
const script = '/usr/bin/script';

describe('on a terminal of 80 columns', () => {
  it('the progress line keeps its bar and never wraps, and Ctrl-C leaves whole lines to copy (E29)', async ({
    skip,
  }) => {
    if (!existsSync(script)) return skip(`${script} is not here`);
    using job = await makeTinyJob();
    const output = job.output(`run-${'deep'.repeat(20)}`);
    const options = { json: false, max_steps: 20_000, learning_rate: 1.234e-5 };
    const { command, env } = trainCommand(job, { output, workers: 1, options });
    const quoted = command.map((word) => `'${word}'`).join(' ');
    const child = spawn(script, ['-qec', `stty cols 80 rows 24; exec ${quoted}`, '/dev/null'], {
      env: { ...env, TERM: 'xterm' },
    });
    let screen = '';
    child.stdout.on('data', (chunk: Buffer) => (screen += String(chunk)));
    await eventually(() => readSteps(output).length > 60, 30_000, 'step 60');
    // As the keyboard sends it: the terminal signals the whole foreground.
    child.stdin.write('\u0003');
    await once(child, 'close');
    const drawn = screen.split(/[\r\n]/).map((line) => line.replaceAll('\u001B[K', ''));
    const progress = drawn.filter((line) => line.startsWith('step ') && line.includes('ETA'));
    expect(progress.length).toBeGreaterThan(2);
    for (const line of progress) {
      expect(line).toMatch(/\[[#-]+\]/);
      expect(line.length).toBeLessThan(80);
    }
    const saved = /saved \S+checkpoint-(\d+)/.exec(screen)?.[1];
    expect(progress.at(-1)).toMatch(new RegExp(`^step ${saved}/`));
    expect(drawn).toContain(`go on with: --resume_from_checkpoint ${output}/checkpoint-${saved}`);
  });
});
