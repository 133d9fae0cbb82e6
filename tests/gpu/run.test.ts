/** What of tests/gpu can be tested without a card: the plan, the options, and what it says where there is none. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { exitCodes, parseArguments, prepareSeconds, stages } from './plan.js';
import { jsonLines, runProcess } from './processes.js';

const script = fileURLToPath(new URL('run.js', import.meta.url));
const runWith = (...args: string[]) =>
  spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    // No card is visible, wherever the suite runs.
    env: { ...process.env, CUDA_VISIBLE_DEVICES: '-1' },
  });

it('fits into ten minutes', () => {
  expect(stages.reduce((sum, { seconds }) => sum + seconds, prepareSeconds)).toBeLessThan(580);
});

it('takes its options, and refuses others', () => {
  expect(parseArguments(['--device', 'cuda:1', '--site-packages', 'lib'])).toMatchObject({
    device: 'cuda:1',
    site_packages: 'lib',
  });
  expect(() => parseArguments(['--device', 'gpu'])).toThrow('expected cpu or cuda:N');
  expect(() => parseArguments(['--only', 'all'])).toThrow('expected conformance, hashes');
  expect(() => parseArguments(['--fast', '1'])).toThrow('the options are --device');
});

it('says that there is no card, and ends with its own code', () => {
  const { status, stderr, stdout } = runWith();
  expect(stderr).toMatch(
    /^no NVIDIA GPU cuda:0 here: the NVIDIA driver .*; nothing was measured$/m,
  );
  expect({ status, stdout }).toEqual({ status: exitCodes.noGpu, stdout: '' });
});

it('ends with 64 for a wrong option', () => {
  expect(runWith('--device').status).toBe(exitCodes.usage);
});

it('ends a process that hears no SIGTERM and left a child with its output', async () => {
  const deaf = `
    process.on('SIGTERM', () => {});
    require('child_process').spawn('sleep', ['20'], { stdio: 'inherit', detached: true }).unref();
    console.log('{"started": true}\\n{no JSON}');
    setInterval(() => {}, 1000);`;
  const started = performance.now();
  const ended = await runProcess([process.execPath, '-e', deaf], { seconds: 1 });
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(ended.code).toBe(null);
  expect(ended.stderr).toContain('stopped after 1 s');
  expect(jsonLines(ended.stdout)).toEqual([{ started: true }]);
}, 15_000);
