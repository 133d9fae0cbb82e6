import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCase } from '../bad-input/run-case.js';
import { train } from '../support/cluster.js';
import type { TinyJob } from '../support/tiny-job.js';
import { makeTinyLanguageJob } from '../support/tiny-language-job.js';

const options = (job: TinyJob) => ({
  task: 'causal-lm',
  validation_file: job.validation,
  max_seq_length: 48,
  micro_batch_tokens: 64,
  learning_rate: 5e-3,
  max_steps: 12,
  eval_on_start: true,
  eval_strategy: 'steps',
  eval_steps: 12,
});
const lora = { method: 'lora', lora_r: 4, learning_rate: 2e-2 };

const jsonIn = (folder: string, file: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, unknown>;

/** Losses of the evaluations of a run, in their order. */
function evaluatedLosses(folder: string): number[] {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return lines.flatMap((line) => (JSON.parse(line) as { eval_loss?: number }).eval_loss ?? []);
}

describe('a language model', () => {
  it.each([
    ['all of a Llama', 'llama', {}],
    ['adapters of a Llama', 'llama', lora],
  ] as const)(
    'learns by %s, to the same bits with 1, 2 and 3 workers and after a resume',
    async (_, family, method) => {
      using job = await makeTinyLanguageJob(family);
      const saves = { save_strategy: 'steps', save_steps: 6 };
      const run = (workers: number, own: Parameters<typeof train>[1]['options'] = {}) =>
        train(job, {
          output: job.output(`w${workers}`),
          workers,
          options: { ...options(job), ...method, ...own },
        });
      const one = await run(1, saves);
      expect(one).toMatchObject({ status: 'completed', steps: 12, samples: 96 });
      rmSync(job.output('w1/checkpoint-12'), { recursive: true });
      const resumed = await train(job, {
        output: job.output('w1'),
        workers: 3,
        options: { ...options(job), ...method, ...saves, resume_from_checkpoint: true },
      });
      for (const other of [resumed, await run(2), await run(3)]) {
        expect(other.params_sha256).toBe(one.params_sha256);
        expect(other.state_sha256).toBe(one.state_sha256);
        expect(other.eval).toEqual(one.eval);
      }
      const [before = NaN, after = NaN] = evaluatedLosses(job.output('w2'));
      expect(after).toBeLessThan(0.9 * before);
      const { loss = NaN, perplexity, accuracy } = one.eval ?? {};
      expect(loss).toBe(after);
      expect(perplexity).toBe(Math.exp(loss));
      expect(accuracy).toBeGreaterThan(0);
      expect(jsonIn(job.output('w1'), 'config.json')['architectures']).toEqual([
        'LlamaForCausalLM',
      ]);
      expect(readFileSync(job.output('w1/config.resolved.yaml'), 'utf8')).toMatch(
        /^completion_column: completion$/m,
      );
    },
  );

  it('learns by all of a GPT-2, chats and held-out rows, to the same bits with 1 and 3 workers', async () => {
    using job = await makeTinyLanguageJob('gpt2');
    const own = { validation_file: undefined, validation_split: 0.25, as_chat: true };
    const run = (workers: number) =>
      train(job, {
        output: job.output(`w${workers}`),
        workers,
        options: { ...options(job), ...own },
      });
    const one = await run(1);
    expect((await run(3)).state_sha256).toBe(one.state_sha256);
    const [before = NaN, after = NaN] = evaluatedLosses(job.output('w1'));
    expect(after).toBeLessThan(0.9 * before);
    expect(jsonIn(job.output('w1'), 'config.json')['architectures']).toEqual(['GPT2LMHeadModel']);
    expect(readFileSync(job.output('w1/chat_template.jinja'), 'utf8')).toBe(
      readFileSync(join(job.model, 'chat_template.jinja'), 'utf8'),
    );
  });

  it('begins from a config.json alone with --from_scratch, to the same bits with 1 and 2 workers', async () => {
    using job = await makeTinyLanguageJob();
    rmSync(join(job.model, 'model.safetensors'));
    const run = (workers: number) =>
      train(job, {
        output: job.output(`w${workers}`),
        workers,
        options: { ...options(job), from_scratch: true },
      });
    const one = await run(1);
    expect((await run(2)).params_sha256).toBe(one.params_sha256);
    const [before = NaN, after = NaN] = evaluatedLosses(job.output('w1'));
    expect(after).toBeLessThan(0.9 * before);
    // What was trained is a model folder as any other.
    using onwards = await makeTinyLanguageJob();
    const again = await train(
      { ...onwards, model: job.output('w1') },
      { output: onwards.output('on'), workers: 1, options: options(job) },
    );
    expect(again.status).toBe('completed');
    expect(evaluatedLosses(onwards.output('on'))[0]).toBe(after);
  });

  it('is what a decoder becomes of prompts and completions without a word of the task', async () => {
    using job = await makeTinyLanguageJob();
    const own = { task: undefined, max_seq_length: undefined, max_steps: 1, eval_strategy: 'no' };
    const output = job.output('run');
    const { eval: found } = await train(job, {
      output,
      workers: 1,
      options: { ...options(job), ...own },
    });
    expect(found).toHaveProperty('perplexity');
    const resolved = readFileSync(join(output, 'config.resolved.yaml'), 'utf8');
    expect(resolved).toMatch(/^task: causal-lm$/m);
    expect(resolved).toMatch(/^max_seq_length: 1024$/m);
    expect(resolved).not.toMatch(/label_column_name/);
  });

  it('is checked without a word of labels', async () => {
    using job = await makeTinyLanguageJob();
    const data = ['--train_file', 'train.jsonl', '--validation_file', 'validation.jsonl'];
    const argv = ['check', '--model_name_or_path', 'model', ...data, '--engine', 'onnx'];
    const place = { folder: job.root, cacheFolder: job.output('cache') };
    const bad = { name: '', argv, code: 0, message: /ready/ };
    const { code, stdout } = await runCase(bad, place);
    expect(code).toBe(0);
    expect(stdout).toMatch(/causal-lm[^]*ready to train/);
    expect(stdout).toMatch(
      /^note: task causal-lm, prompts and completions in "prompt" and "completion", no "label"; --task names another$/m,
    );
    expect(stdout.replaceAll('no "label"', '')).not.toMatch(/label|conflicting|undefined/);
    // The default of language models is above what this one takes.
    expect(stdout).toMatch(/max seq length +│ 64 /);
  });

  it.each([
    ['all of it was', {}],
    ['adapters of it were', lora],
  ])('is evaluated by its folder alone as its run did, where %s trained', async (_, method) => {
    using job = await makeTinyLanguageJob();
    const own = { ...options(job), ...method, max_steps: 2, eval_on_start: false, as_chat: true };
    const { eval: expected } = await train(job, {
      output: job.output('run'),
      workers: 1,
      options: own,
    });
    const argv = ['eval', 'run', '--file', 'validation.jsonl', '--json', '--engine', 'onnx'];
    const place = { folder: job.root, cacheFolder: job.output('cache') };
    const { code, stdout } = await runCase({ name: '', argv, code: 0, message: /loss/ }, place);
    expect(code).toBe(0);
    const { samples, seconds, tokens, ...metrics } = JSON.parse(stdout) as Record<string, number>;
    expect(metrics).toEqual(expected);
    expect({ samples, isTimed: seconds! > 0 }).toEqual({ samples: 8, isTimed: true });
    expect(tokens).toBeGreaterThan(8);
  });

  it('that was trained as an adapter says that predict is still to come', async () => {
    using job = await makeTinyLanguageJob();
    const own = {
      ...lora,
      max_steps: 1,
      eval_on_start: false,
      validation_file: undefined,
      eval_strategy: 'no',
    };
    await train(job, {
      output: job.output('run'),
      workers: 1,
      options: { ...options(job), ...own },
    });
    const argv = ['predict', 'run', '--engine', 'onnx'];
    const bad = { name: '', argv, code: 64, message: /yet/ };
    const place = { folder: job.root, cacheFolder: job.output('cache') };
    const { code, stderr } = await runCase(bad, place);
    expect({ code, stderr }).toMatchObject({ code: 64 });
    expect(stderr).toMatch(/run holds a language model.* yet/);
    expect(jsonIn(job.output('run'), 'adapter_config.json')).toMatchObject({
      task_type: 'CAUSAL_LM',
    });
  });
});
