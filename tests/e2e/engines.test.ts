import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSteps, readSummary, startTraining, train } from '../support/cluster.js';
import { useLibraries, whyNot } from '../support/engine-libraries.js';
import { makeTinyJob } from '../support/tiny-job.js';
import { makeTinyLanguageJob } from '../support/tiny-language-job.js';

const timeout = 120_000;

describe('the trained parameters', () => {
  it.for([
    ['xla', 'f32'],
    ['xla', 'bf16'],
    ['tensorflow', 'f32'],
    ['tensorflow', 'bf16'],
  ] as const)(
    'of %s in %s have the same bits for 1, 2 and 3 workers, and resumed by another number',
    { timeout },
    async ([engine, precision], { skip }) => {
      const reason = await whyNot([engine]);
      if (reason !== undefined) return skip(reason);
      using job = await makeTinyJob();
      useLibraries(job, [engine]);
      const run = (name: string, workers: number, more: Record<string, string | number> = {}) =>
        train(job, {
          output: job.output(name),
          workers,
          options: {
            engine,
            bf16: precision === 'bf16',
            max_steps: 8,
            validation_file: job.validation,
            ...more,
          },
        });
      const one = await run('one', 1);
      expect(one).toMatchObject({ engine, precision, steps: 8 });
      const others = [
        await run('two', 2),
        await run('three', 3, { save_strategy: 'steps', save_steps: 4 }),
        await run('resumed', 2, { resume_from_checkpoint: job.output('three/checkpoint-4') }),
      ];
      expect(others.map((summary) => summary.params_sha256)).toEqual(
        Array(3).fill(one.params_sha256),
      );
      expect(others.map((summary) => summary.eval)).toEqual(Array(3).fill(one.eval));
    },
  );

  // The table of words is in the graph where it makes the logits, too, and stays on the host where it is looked up alone.
  it.for([
    ['xla', 'tied', 'llama'],
    ['xla', 'untied', 'mistral'],
    ['tensorflow', 'tied', 'llama'],
    ['tensorflow', 'untied', 'mistral'],
  ] as const)(
    'of a language model on %s, its output layer %s, have the same bits for 1, 2 and 3 workers (%s)',
    { timeout },
    async ([engine, , family], { skip }) => {
      const reason = await whyNot([engine]);
      if (reason !== undefined) return skip(reason);
      using job = await makeTinyLanguageJob(family);
      useLibraries(job, [engine]);
      const hashes: (string | undefined)[] = [];
      for (const workers of [1, 2, 3]) {
        const summary = await train(job, {
          ...{ output: job.output(`w${workers}`), workers },
          options: { engine, task: 'causal-lm', max_steps: 4, max_seq_length: 48 },
        });
        hashes.push(summary.params_sha256);
      }
      expect(hashes).toEqual(Array(3).fill(hashes[0]));
    },
  );

  // One engine is enough: what else the way through the device needs is tested with its state.
  it.for(['tensorflow'] as const)(
    'of %s are those of an undisturbed run after SIGINT and a resume, ending with the best weights',
    { timeout },
    async (engine, { skip }) => {
      const reason = await whyNot([engine]);
      if (reason !== undefined) return skip(reason);
      using job = await makeTinyJob();
      useLibraries(job, [engine]);
      const options = {
        engine,
        max_steps: 60,
        validation_file: job.validation,
        eval_strategy: 'steps',
        eval_steps: 20,
        load_best_model_at_end: true,
      };
      const whole = await train(job, { output: job.output('whole'), workers: 1, options });
      const output = job.output('stopped');
      await using stopped = startTraining(job, { output, workers: 2, options });
      await stopped.reaches(3);
      stopped.signal('SIGINT');
      expect(await stopped.ended).toMatchObject({ code: 130 });
      expect(readSummary(output).steps).toBeLessThan(60);
      const resumed = await train(job, {
        output,
        workers: 1,
        options: { ...options, resume_from_checkpoint: true },
      });
      expect(resumed.params_sha256).toBe(whole.params_sha256);
      expect(resumed).toMatchObject({ steps: 60, eval: whole.eval });
    },
  );
});

describe('a checkpoint', () => {
  it.for([
    ['tensorflow', 'openvino'],
    ['openvino', 'tensorflow'],
    ['xla', 'openvino'],
  ] as const)(
    'made with %s continues under %s with the same losses',
    { timeout },
    async ([first, second], { skip }) => {
      const reason = await whyNot([first, second]);
      if (reason !== undefined) return skip(reason);
      using job = await makeTinyJob();
      useLibraries(job, [first, second]);
      const options = { max_steps: 25, save_strategy: 'steps', save_steps: 5 };
      const output = job.output(first);
      await train(job, { output, workers: 2, options: { ...options, engine: first } });
      const continued = job.output(second);
      const resume_from_checkpoint = join(output, 'checkpoint-5');
      await train(job, {
        output: continued,
        workers: 1,
        options: { ...options, engine: second, resume_from_checkpoint },
      });
      const losses = readSteps(output).slice(5);
      const under = readSteps(continued);
      expect(under.map(({ step }) => step)).toEqual(losses.map(({ step }) => step));
      expect(under).toHaveLength(20);
      for (const [at, { loss }] of losses.entries()) {
        expect(Math.abs(under[at]!.loss - loss)).toBeLessThan(1e-3);
      }
    },
  );
});
