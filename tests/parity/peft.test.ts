/**
 * What LoRA leaves is a folder of PEFT: the real library loads it, and answers as we do. Python with torch, transformers
 * and peft is in .peers (../shared/peers/README.md), or MICROTUNE_PYTHON names one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadModel, type ClassPrediction } from 'microtune';
import { describe, expect, it } from 'vitest';
import { train } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

const python = process.env['MICROTUNE_PYTHON'] ?? resolve('.peers/bin/python');
const script = fileURLToPath(new URL('peft_adapter.py', import.meta.url));
const texts = ['the film is warm and moving', 'a dull story', 'the actor was often again clumsy'];

function softmax(logits: readonly number[]): number[] {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((power) => power / sum);
}

function peft(args: readonly string[], input = ''): string {
  const options = { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] } as const;
  return execFileSync(python, [script, ...args], { ...options, stdio: [...options.stdio] });
}

async function expectSameAnswers(adapter: string): Promise<void> {
  const theirs = peft(['answer', adapter], texts.join('\n'))
    .trim()
    .split('\n')
    .map((line) => softmax(JSON.parse(line) as number[]));
  await using model = await loadModel(adapter, { engine: 'onnx' });
  const ours = (await model.predict(texts)) as ClassPrediction[];
  expect(ours).toHaveLength(texts.length);
  for (const [row, { scores }] of ours.entries()) {
    for (const [id, score] of Object.values(scores).entries())
      expect(score).toBeCloseTo(theirs[row]?.[id] ?? NaN, 5);
  }
}

describe('a LoRA adapter', () => {
  it('is trained to the same bits by 1, 2 and 3 workers, and leaves the model it came from alone', async () => {
    using job = await makeTinyJob();
    const before = readFileSync(join(job.model, 'model.safetensors'));
    const options = { max_steps: 8, method: 'lora', lora_r: 4, learning_rate: 0.01 };
    const hashes: (string | undefined)[] = [];
    for (const workers of [1, 2, 3]) {
      const output = job.output(`w${workers}`);
      hashes.push((await train(job, { output, workers, options })).params_sha256);
    }
    expect(hashes).toEqual(Array(3).fill(hashes[0]));
    expect(readFileSync(join(job.model, 'model.safetensors')).equals(before)).toBe(true);
    const files = [1, 2, 3].map((n) => readFileSync(job.output(`w${n}/adapter_model.safetensors`)));
    expect(files[1]?.equals(files[0]!) && files[2]?.equals(files[0]!)).toBe(true);
    expect(existsSync(job.output('w1/model.safetensors'))).toBe(false);
  });

  it('answers in the real PEFT as here', async ({ skip }) => {
    if (!existsSync(python)) skip(`no Python with peft: ${python} is not here`);
    using job = await makeTinyJob();
    const output = job.output('run');
    const options = {
      ...{ max_steps: 30, method: 'lora', lora_r: 4, lora_alpha: 16, learning_rate: 0.02 },
      lora_target_modules: 'query,value,dense',
    };
    await train(job, { output, workers: 2, options });
    await expectSameAnswers(output);
  }, 120_000);

  it('that PEFT made answers here as there', async ({ skip }) => {
    if (!existsSync(python)) skip(`no Python with peft: ${python} is not here`);
    using job = await makeTinyJob();
    const adapter = job.output('adapter');
    peft(['make', job.model, adapter]);
    await expectSameAnswers(adapter);
  }, 120_000);
});
