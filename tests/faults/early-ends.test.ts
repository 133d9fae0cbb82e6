/** Runs that end before their time: what they leave, and that going on from it gives the bits of an undisturbed run. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  eventually,
  processesOf,
  readSteps,
  startTraining,
  train,
  trainCommand,
} from '../support/cluster.js';
import { makeTinyJob, type TinyJob } from '../support/tiny-job.js';

const evaluated = (job: TinyJob) => ({
  max_steps: 60,
  validation_file: job.validation,
  eval_strategy: 'steps',
  eval_steps: 7,
  save_strategy: 'no',
  load_best_model_at_end: true,
  logging_steps: 5,
});

// Three trainings each.
describe('a worker killed in mid-run', { timeout: 180_000 }, () => {
  it.each([0, 1])(
    'leaves the last step by another one, and the resumed run has the bits of an undisturbed one: worker %i',
    async (victim) => {
      using job = await makeTinyJob();
      const options = evaluated(job);
      const whole = train(job, { output: job.output('whole'), workers: 2, options });
      const output = job.output('cut');
      await using cluster = startTraining(job, { output, workers: 3, options });
      await cluster.reaches(12 + victim);
      process.kill(cluster.workers().find(({ rank }) => rank === victim)?.pid ?? 0, 'SIGKILL');
      const { code, text } = await cluster.ended;
      expect(code, text).toBe(75);
      const done = readSteps(output).at(-1)?.step ?? 0;
      expect(text).toContain(
        `--resume_from_checkpoint true to go on from ${output}/checkpoint-${done}`,
      );
      const resumed = await train(job, {
        output,
        workers: 2,
        options: { ...options, resume_from_checkpoint: true },
      });
      const undisturbed = await whole;
      expect(resumed.params_sha256).toBe(undisturbed.params_sha256);
      expect(resumed.eval).toEqual(undisturbed.eval);
      expect(readSteps(output).map(({ loss }) => loss)).toEqual(
        readSteps(job.output('whole')).map(({ loss }) => loss),
      );
    },
  );
});

describe('a loss that is not finite', () => {
  it('leaves the state before it', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await using cluster = startTraining(job, {
      output,
      workers: 2,
      options: { max_steps: 200, save_strategy: 'no', learning_rate: 1e37, max_grad_norm: 0 },
    });
    const { code, text } = await cluster.ended;
    expect(code, text).toBe(64);
    const steps = readSteps(output).length;
    if (steps > 0) expect(text).toContain(`checkpoint-${steps} holds the state before it`);
    else expect(text).toContain('lower the learning rate');
  });
});

describe('a terminal that hangs up (C11)', () => {
  it('lets the run save and end as SIGTERM does, though nobody reads its output', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    const { command, env } = trainCommand(job, {
      output,
      workers: 2,
      options: { max_steps: 1_000_000, logging_steps: 1 },
    });
    const [program = '', ...args] = command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    await eventually(() => readSteps(output).length > 3, 20_000, 'the first steps');
    child.stdout.destroy();
    child.stderr.destroy();
    await sleep(300);
    child.kill('SIGHUP');
    expect(await ended).toBe(143);
    expect(readdirSync(output).some((name) => /^checkpoint-\d+$/.test(name))).toBe(true);
    expect(processesOf(job)).toEqual([]);
  });
});

describe('a stop request', () => {
  it('that comes twice at once, as a Ctrl-C under npx does, is one', async () => {
    using job = await makeTinyJob();
    const output = job.output('run');
    await using cluster = startTraining(job, {
      output,
      workers: 2,
      options: { max_steps: 1_000_000 },
    });
    await cluster.reaches(5);
    cluster.signal('SIGINT');
    await sleep(20);
    cluster.signal('SIGINT');
    const { code, text } = await cluster.ended;
    expect(code).toBe(130);
    expect(text).toContain('saving the state');
    expect(text).not.toContain('again');
    expect(readdirSync(output).some((name) => /^checkpoint-\d+$/.test(name))).toBe(true);
  });

  it('while workers start ends within a second and leaves no process (C12)', async () => {
    using job = await makeTinyJob();
    await using cluster = startTraining(job, { output: job.output('run'), workers: 2 });
    await eventually(() => cluster.workers().length === 2, 30_000, 'the workers to start');
    const askedAt = performance.now();
    cluster.signal('SIGINT');
    const { code } = await cluster.ended;
    expect(performance.now() - askedAt).toBeLessThan(2000);
    expect(code).toBe(130);
    expect(processesOf(job)).toEqual([]);
    expect(existsSync(`${job.output('run')}/model.safetensors`)).toBe(false);
  });
});

describe('an error that check knows (C12)', () => {
  it.each(['a metric that does not exist', 'a model without weights'])(
    'takes no longer in train, and leaves no process: %s',
    async (what) => {
      using job = await makeTinyJob();
      if (what === 'a model without weights') rmSync(join(job.model, 'model.safetensors'));
      const metric = what === 'a model without weights' ? 'loss' : 'bleu';
      const { command, env } = trainCommand(job, {
        output: job.output('run'),
        workers: 2,
        options: { validation_file: job.validation, metric_for_best_model: metric },
      });
      const secondsOf = async (name: string): Promise<number> => {
        const args = command.slice(1).map((arg) => (arg === 'train' ? name : arg));
        const startedAt = performance.now();
        const child = spawn(command[0] ?? '', args, { stdio: 'ignore', env });
        const code = await new Promise((resolve) => child.once('exit', resolve));
        expect([64, 65]).toContain(code);
        return (performance.now() - startedAt) / 1000;
      };
      // Workers that start meanwhile take some of the two cores.
      expect(await secondsOf('train')).toBeLessThan((await secondsOf('check')) * 2 + 0.5);
      expect(processesOf(job)).toEqual([]);
      expect(existsSync(job.output('run'))).toBe(false);
    },
  );
});
