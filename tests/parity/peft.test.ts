/**
 * Folders between this project and the real libraries: an adapter that we train answers in PEFT as here, merged it answers
 * in transformers as here; an adapter that PEFT writes answers here as there, is trained on and merged here, and answers there
 * again. `npx nx parity tests` prints the largest difference of each.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportModel } from '@microtune/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { train } from '../support/cluster.js';
import { makeTinyJob, type TinyJob } from '../support/tiny-job.js';
import { makeTinyLanguageJob } from '../support/tiny-language-job.js';
import { ourLogits } from './our-logits.js';
import { noPeft, runPeft, type PeftTask } from './peft.js';

type Options = Readonly<Record<string, string | number | boolean>>;

interface Case {
  readonly name: string;
  readonly family: 'bert' | 'gpt2' | 'llama';
  /** Of our run. */
  readonly options: Options;
  /** Of PEFT's own adapter. */
  readonly config: Readonly<Record<string, unknown>>;
}

const cases: readonly Case[] = [
  {
    name: 'bert lora',
    family: 'bert',
    options: { method: 'lora', lora_r: 4, lora_alpha: 16, lora_target_modules: 'all-linear' },
    config: { peft_type: 'LORA', r: 4, lora_alpha: 16, target_modules: 'all-linear' },
  },
  {
    name: 'bert lora with patterns',
    family: 'bert',
    options: {
      ...{ method: 'lora', lora_r: 4, lora_use_rslora: true, lora_layers_to_transform: 1 },
      ...{ lora_target_modules: 'query,dense', lora_exclude_modules: 'intermediate.dense' },
      ...{ lora_rank_pattern: '{"self.query":2}', lora_alpha_pattern: '{"output.dense":3}' },
      ...{ lora_modules_to_save: 'pooler', lora_dropout: 0.1, loraplus_lr_ratio: 4 },
    },
    config: {
      ...{ peft_type: 'LORA', r: 4, use_rslora: true, layers_to_transform: [1] },
      ...{ target_modules: ['query', 'dense'], exclude_modules: ['intermediate.dense'] },
      ...{ rank_pattern: { 'self.query': 2 }, alpha_pattern: { 'output.dense': 3 } },
      modules_to_save: ['pooler'],
    },
  },
  {
    name: 'bert dora',
    family: 'bert',
    options: { method: 'lora', lora_use_dora: true, lora_target_modules: '/.*(query|key)/' },
    config: { peft_type: 'LORA', use_dora: true, target_modules: '.*(query|key)' },
  },
  { name: 'bert ia3', family: 'bert', options: { method: 'ia3' }, config: { peft_type: 'IA3' } },
  {
    name: 'gpt2 lora',
    family: 'gpt2',
    options: { method: 'lora', lora_r: 4 },
    config: { peft_type: 'LORA', r: 4, fan_in_fan_out: true },
  },
  {
    name: 'gpt2 dora',
    family: 'gpt2',
    options: { method: 'lora', lora_r: 4, lora_use_dora: true },
    config: { peft_type: 'LORA', r: 4, use_dora: true, fan_in_fan_out: true },
  },
  {
    name: 'llama lora',
    family: 'llama',
    options: { method: 'lora', lora_r: 4, lora_target_modules: 'all-linear' },
    config: { peft_type: 'LORA', r: 4, target_modules: 'all-linear' },
  },
  { name: 'llama ia3', family: 'llama', options: { method: 'ia3' }, config: { peft_type: 'IA3' } },
];

/** Of every model here below the size of its vocabulary; the first and last are what begins and ends a text of BERT. */
const ids = [
  [2, 9, 14, 5, 20, 11, 3],
  [2, 7, 18, 3],
];

function largestDifference(ours: readonly Float32Array[], theirs: unknown): number {
  const flat = ours.flatMap((values) => [...values]);
  const expected = (theirs as number[][]).flat(2);
  if (flat.length !== expected.length) return Infinity;
  return flat.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? NaN))), 0);
}

describe.skipIf(noPeft !== undefined)(noPeft ?? 'adapters and the real PEFT', () => {
  const jobs = new Map<Case['family'], TinyJob>();
  const differences: Record<string, Record<string, number>> = {};
  const theirs = new Map<string, unknown>();

  const isLanguage = ({ family }: Case): boolean => family !== 'bert';
  const folderOf = (one: Case, what: string): string =>
    jobs.get(one.family)!.output(`${one.name.replaceAll(' ', '-')}-${what}`);
  const askLogits = (one: Case, whats: readonly string[]): PeftTask[] =>
    whats.map((what) => ({ logits: folderOf(one, what), ids, language: isLanguage(one) }));
  const trained = (one: Case, output: string, options: Options) =>
    train(jobs.get(one.family)!, {
      ...{ output, workers: 2 },
      options: {
        ...{ max_steps: 3, learning_rate: 0.02, max_seq_length: isLanguage(one) ? 48 : 32 },
        ...(isLanguage(one) ? { task: 'causal-lm' } : {}),
        ...options,
      },
    });
  const merged = async (one: Case, what: string): Promise<void> => {
    await exportModel(folderOf(one, what), folderOf(one, `${what}-merged`), { merge: true });
  };
  /** All that PEFT is asked, in one process: its libraries take ten seconds to load. */
  const compare = (all: readonly PeftTask[]): void => {
    for (const [at, answer] of runPeft(all).entries()) {
      const task = all[at]!;
      if ('logits' in task) theirs.set(task.logits, answer);
    }
  };
  const expectEqual = async (one: Case, what: string): Promise<void> => {
    const folder = folderOf(one, what);
    const difference = largestDifference(await ourLogits(folder, ids), theirs.get(folder));
    (differences[one.name] ??= {})[what] = difference;
    expect(difference, `${one.name}, ${what}`).toBeLessThan(1e-5);
  };

  beforeAll(async () => {
    jobs.set('bert', await makeTinyJob());
    for (const family of ['gpt2', 'llama'] as const)
      jobs.set(family, await makeTinyLanguageJob(family));
    for (const one of cases) {
      await trained(one, folderOf(one, 'ours'), one.options);
      await merged(one, 'ours');
      mkdirSync(folderOf(one, 'theirs'));
    }
    compare(
      cases.flatMap((one) => [
        ...askLogits(one, ['ours', 'ours-merged']),
        {
          make: folderOf(one, 'theirs'),
          base: jobs.get(one.family)!.model,
          config: { task_type: isLanguage(one) ? 'CAUSAL_LM' : 'SEQ_CLS', ...one.config },
        },
        ...askLogits(one, ['theirs']),
      ]),
    );
    for (const one of cases) {
      await merged(one, 'theirs');
      await trained(one, folderOf(one, 'continued'), {
        adapter_name_or_path: folderOf(one, 'theirs'),
      });
    }
    compare(cases.flatMap((one) => askLogits(one, ['theirs-merged', 'continued'])));
  }, 540_000);

  afterAll(() => {
    console.table(differences);
    for (const job of jobs.values()) job[Symbol.dispose]();
  });

  describe.each(cases)('$name', (one) => {
    it('trained here answers in PEFT as here', () => expectEqual(one, 'ours'));
    it('merged here answers in transformers as here', () => expectEqual(one, 'ours-merged'));
    it('made by PEFT answers here as there', () => expectEqual(one, 'theirs'));
    it('made by PEFT and merged here answers in transformers as the adapter in PEFT', async () => {
      await expectEqual(one, 'theirs-merged');
      const [adapter, plain] = ['theirs', 'theirs-merged'].map((what) =>
        (theirs.get(folderOf(one, what)) as number[][]).flat(2),
      );
      for (const [i, value] of adapter!.entries())
        expect(Math.abs(plain![i]! - value)).toBeLessThan(1e-5);
    });
    it('made by PEFT and trained on here is another, and answers in PEFT as here', async () => {
      await expectEqual(one, 'continued');
      expect(theirs.get(folderOf(one, 'continued'))).not.toEqual(
        theirs.get(folderOf(one, 'theirs')),
      );
    });
  });
});

describe('a LoRA adapter', () => {
  it('leaves the model it came from alone, and is saved without it', async () => {
    using job = await makeTinyJob();
    const before = readFileSync(join(job.model, 'model.safetensors'));
    const output = job.output('run');
    await train(job, { output, workers: 2, options: { max_steps: 2, method: 'lora' } });
    expect(readFileSync(join(job.model, 'model.safetensors')).equals(before)).toBe(true);
    expect(existsSync(join(output, 'adapter_model.safetensors'))).toBe(true);
    expect(existsSync(join(output, 'model.safetensors'))).toBe(false);
  });
});
