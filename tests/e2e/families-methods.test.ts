/** Each family with each method, trained by real processes: one result for any number of workers. `npx nx matrix tests` shows it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { train } from '../support/cluster.js';
import { makeTinyJob, type TinyJob } from '../support/tiny-job.js';
import { languageFamilies, makeTinyLanguageJob } from '../support/tiny-language-job.js';

const methods = {
  full: {},
  lora: { method: 'lora', lora_r: 4, lora_dropout: 0.1, loraplus_lr_ratio: 2 },
  dora: { method: 'lora', lora_r: 4, lora_use_dora: true },
  ia3: { method: 'ia3' },
} as const;
type Method = keyof typeof methods;

type Family = 'bert' | (typeof languageFamilies)[number];
const families: readonly Family[] = ['bert', ...languageFamilies];
const isLanguage = (family: Family): boolean => family !== 'bert';

/** DoRA and IA3 know no family: one with `linear` modules and biases, one with `conv1d`, one without biases. */
const adapterFamilies: ReadonlySet<Family> = new Set(['bert', 'gpt2', 'llama']);
const cells = families.flatMap((family) =>
  (Object.keys(methods) as Method[])
    .filter((method) => ['full', 'lora'].includes(method) || adapterFamilies.has(family))
    .map((method) => {
      const task = isLanguage(family) ? 'causal-lm' : 'sequence-classification';
      return [`${family}, ${task}, ${method}`, { family, method, task }] as const;
    }),
);

describe('matrix of the same bits for 1, 2 and 3 workers', () => {
  const jobs = new Map<Family, TinyJob>();
  beforeAll(async () => {
    for (const family of families)
      jobs.set(family, family === 'bert' ? await makeTinyJob() : await makeTinyLanguageJob(family));
  });
  afterAll(() => {
    for (const job of jobs.values()) job[Symbol.dispose]();
  });

  it.concurrent.each(cells)('%s', async (_, { family, task, method }) => {
    const job = jobs.get(family)!;
    const summaries = await Promise.all(
      [1, 2, 3].map((workers) =>
        train(job, {
          ...{ output: job.output(`${method}-${workers}`), workers },
          options: {
            ...{ max_steps: 2, learning_rate: 1e-2, max_seq_length: 48 },
            ...(isLanguage(family) ? { task } : {}),
            ...methods[method],
          },
        }),
      ),
    );
    const [hash] = summaries.map((summary) => summary.params_sha256);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(summaries.map((summary) => summary.params_sha256)).toEqual(Array(3).fill(hash));
  });
});
