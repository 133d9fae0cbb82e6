import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCase } from '../bad-input/run-case.js';
import { loadModel } from '../../packages/cli/src/index.js';
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

  it.each([
    ['all of it was', {}],
    ['adapters of it were', lora],
  ])(
    'answers alike alone, in batches of any order, from code and in a conversation, where %s trained',
    async (_, method) => {
      using job = await makeTinyLanguageJob();
      const own = { ...options(job), ...method, eval_on_start: false, max_steps: 3 };
      await train(job, { output: job.output('run'), workers: 1, options: own });
      const place = { folder: job.root, cacheFolder: job.output('cache') };
      const ask = (command: string, args: readonly string[], stdin = '') =>
        runCase({ name: '', argv: [command, 'run', '--engine', 'onnx', ...args], code: 0, message: /./, stdin }, place); // prettier-ignore
      const drawn = ['--max_new_tokens', '12', '--temperature', '0.9', '--top_k', '20', '--seed', '5']; // prettier-ignore
      const prompts = ['1: one', '2: two two', '3: three', '4:', '25: one one one', '6: x'];
      const lines = prompts.map((prompt, id) => `${JSON.stringify({ id, prompt })}\n`);
      type Line = { id: number; line: number; text: string; finish: string };
      const read = (stdout: string) =>
        stdout.trim().split('\n').map((line) => JSON.parse(line) as Line); // prettier-ignore
      const forward = await ask('predict', [...drawn, '--batch_size', '4'], lines.join(''));
      const back = await ask('predict', [...drawn, '--batch_size', '2'], lines.toReversed().join('')); // prettier-ignore
      const answers = read(forward.stdout);
      expect(answers.map(({ id, line }) => [id, line])).toEqual(prompts.map((__, at) => [at, at + 1])); // prettier-ignore
      const texts = answers.map(({ text }) => text);
      expect(new Set(texts).size).toBeGreaterThan(3);
      expect(read(back.stdout).map(({ text }) => text)).toEqual(texts.toReversed());
      const alone = await ask('predict', ['--prompt', prompts[1]!, ...drawn]);
      expect(alone.stdout).toBe(`${texts[1]}\n`);
      const otherwise = await ask('predict', ['--prompt', prompts[1]!, ...drawn.with(-1, '6')]);
      expect(otherwise.stdout).not.toBe(alone.stdout);

      await using model = await loadModel(job.output('run'), { task: 'causal-lm', engine: 'onnx' });
      const sampling = { temperature: 0.9, topK: 20, seed: 5, maxNewTokens: 12 };
      const generation = model.generate(prompts, sampling);
      const pieces = prompts.map(() => '');
      for await (const { prompt, text } of generation) pieces[prompt] += text;
      expect(pieces).toEqual(texts);
      expect((await generation).map(({ text }) => text)).toEqual(texts);
      const whole = texts[2]!;
      const stop = whole.slice(2, 4);
      const [stopped] = await model.generate([prompts[2]!], { ...sampling, stop: [stop] });
      expect(stopped).toMatchObject({ text: whole.slice(0, whole.indexOf(stop)), finish: 'stop' });

      const talk = await ask('chat', ['--max_new_tokens', '2'], 'a\n');
      expect({ code: talk.code, answers: talk.stdout.split('\n').length }).toEqual({ code: 0, answers: 2 }); // prettier-ignore
    },
  );
});
