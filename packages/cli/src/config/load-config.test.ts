import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MicrotuneError, optionName, refusedOptions, runConfigSchema } from '@microtune/shared';
import { afterAll, describe, expect, it } from 'vitest';
import { bf16InHardware } from '@microtune/engine/cpu-flags';
import { checkCombinations } from './combinations.js';
import { checkConfig, loadConfig } from './load-config.js';
import { optionTable } from './option-table.js';
import { optionValue } from './option-value.js';

const folder = mkdtempSync(join(tmpdir(), 'microtune-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const required = { modelNameOrPath: 'model', trainFile: 'train.tsv' };
const refusal = async (work: () => unknown): Promise<string> => {
  try {
    await work();
  } catch (error) {
    if (error instanceof MicrotuneError && error.code === 'usage') return error.message;
    throw error;
  }
  throw new Error('accepted');
};

describe('option table', () => {
  const table = optionTable(runConfigSchema);

  it('has a kind and a line of help for every key of the configuration', () => {
    expect(table.map((spec) => spec.key)).toEqual(Object.keys(runConfigSchema.shape));
    for (const spec of table) expect(spec.description, spec.name).not.toBe('');
  });

  it('refuses no option that exists', () => {
    const names = new Set(table.map((spec) => spec.name));
    expect(Object.keys(refusedOptions).filter((name) => names.has(name))).toEqual([]);
  });

  it('keeps defaults and required keys', () => {
    const byName = new Map(table.map((spec) => [spec.name, spec]));
    expect(byName.get('learning_rate')?.defaultValue).toBe(5e-5);
    expect(table.filter((spec) => spec.required).map((spec) => spec.name)).toEqual([
      'model_name_or_path',
      'train_file',
    ]);
    expect(byName.get('resume_from_checkpoint')?.kind).toBe('text-or-boolean');
  });

  it('converts values by kind', async () => {
    const byKey = new Map(table.map((spec) => [spec.key, spec]));
    const convert = (key: string, text: string, previous?: unknown): unknown => {
      const spec = byKey.get(key);
      if (spec === undefined) throw new Error(key);
      return optionValue(spec, text, previous);
    };
    expect(convert('learningRate', '5e-5')).toBe(5e-5);
    expect(convert('trainFile', 'c.tsv', convert('trainFile', 'a.tsv,b.tsv'))).toEqual([
      'a.tsv',
      'b.tsv',
      'c.tsv',
    ]);
    expect(convert('lrSchedulerKwargs', '{"num_cycles": 2}')).toEqual({ num_cycles: 2 });
    expect(await refusal(() => convert('learningRate', '0x10'))).toBe(
      "--learning_rate expects a number, got '0x10'",
    );
    expect(await refusal(() => convert('bf16', 'maybe'))).toBe(
      "--bf16 expects true or false, got 'maybe'",
    );
    expect(await refusal(() => convert('lrSchedulerKwargs', '{'))).toContain(
      '--lr_scheduler_kwargs expects a JSON',
    );
  });
});

describe('loadConfig', () => {
  it('reads yaml in snake_case and lets the command line win', async () => {
    const path = file(
      'a.yaml',
      'model_name_or_path: m\ntrain_file: [a.tsv, b.tsv]\nlearning_rate: 1e-4\nseed: 1\n',
    );
    const config = await loadConfig({ seed: 7 }, path);
    expect(config).toMatchObject({
      modelNameOrPath: 'm',
      trainFile: ['a.tsv', 'b.tsv'],
      learningRate: 1e-4,
      seed: 7,
    });
  });

  it('reads json and modules', async () => {
    const json = file(
      'a.json',
      '{"modelNameOrPath": "m", "train_file": "a.tsv", "lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"lr_end": 1e-6}}',
    );
    expect((await loadConfig({}, json)).lrSchedulerKwargs).toEqual({ lrEnd: 1e-6 });
    const module = file(
      'a.mjs',
      'export default { modelNameOrPath: "m", trainFile: "a.tsv", workers: 2 };',
    );
    expect((await loadConfig({}, module)).workers).toBe(2);
  });

  it('names file and line of a mistake', async () => {
    const unknown = file('b.yaml', 'model_name_or_path: m\n\nlearning_rte: 1\n');
    expect(await refusal(() => loadConfig({}, unknown))).toBe(
      `unknown option learning_rte (${unknown}, line 3); did you mean learning_rate?`,
    );
    const refused = file('c.yaml', 'fp16: true\n');
    expect(await refusal(() => loadConfig({}, refused))).toContain(
      'line 1) is an option of HuggingFace',
    );
    const broken = file('d.yaml', 'seed: 1\nworkers: [1\n');
    expect(await refusal(() => loadConfig({}, broken))).toContain(`${broken}, line `);
    expect(await refusal(() => loadConfig({}, join(folder, 'none.yaml')))).toContain(
      'does not exist',
    );
    expect(await refusal(() => loadConfig({}, file('e.txt', '')))).toContain('must end in');
    expect(await refusal(() => loadConfig({}, file('f.yaml', '- 1\n')))).toContain(
      'must hold keys and values',
    );
  });

  it('D15: runs a config.ts on every Node, outside the package tree too', async () => {
    const path = file(
      'a.ts',
      [
        "import { defineConfig, type RunConfig } from 'microtune';",
        "import { readFileSync } from 'node:fs';",
        'enum Rate { Low = 1 }',
        'const workers: number = await Promise.resolve(3);',
        "const shared = { modelNameOrPath: 'm', trainFile: 'a.tsv' } satisfies RunConfig;",
        'export default defineConfig({ ...shared, workers, seed: Rate.Low as number });',
        'void readFileSync;',
      ].join('\n'),
    );
    expect(await loadConfig({}, path)).toMatchObject({ workers: 3, seed: 1, modelNameOrPath: 'm' });
    const script = file(
      'a.js',
      "import { defineConfig } from 'microtune';\nexport default defineConfig({ modelNameOrPath: 'm', trainFile: 'a.tsv' });",
    );
    expect((await loadConfig({}, script)).modelNameOrPath).toBe('m');
    const broken = file('b.ts', 'export default {\n  seed: = 1,\n};\n');
    const message = await refusal(() => loadConfig({}, broken));
    expect(message).toContain('b.ts does not load');
    expect(message).toMatch(/[(:]2[:,]/);
    expect(await refusal(() => loadConfig({}, file('c.ts', 'export const seed = 1;')))).toContain(
      'has no default export',
    );
  });

  it('names missing and misfit options', async () => {
    expect(await refusal(() => checkConfig({ trainFile: 'a' }))).toContain(
      'missing: --model_name_or_path (Folder',
    );
    expect(await refusal(() => checkConfig({ ...required, workers: 0 }))).toBe(
      'workers: expected number to be >0, got 0',
    );
    expect(await refusal(() => checkConfig({ ...required, engine: 'fast' }))).toContain(
      'engine: expected one of',
    );
    expect(await refusal(() => checkConfig({ ...required, seed: 1.5 }))).toContain('seed: ');
    expect(
      await refusal(() => checkConfig({ ...required, lrSchedulerKwargs: { cycles: 1 } })),
    ).toContain('lr_scheduler');
  });
});

describe('combinations', () => {
  const cases: [Record<string, unknown>, string[]][] = [
    [
      { evalStrategy: 'epoch' },
      ['--eval_strategy epoch', '--validation_file', '--validation_split'],
    ],
    [{ loadBestModelAtEnd: true }, ['--load_best_model_at_end', '--validation_file']],
    [{ validationFile: 'v', validationSplit: 0.1 }, ['--validation_file', '--validation_split']],
    [
      { validationFile: 'v', loadBestModelAtEnd: true },
      ['--load_best_model_at_end', '--eval_strategy'],
    ],
    [
      { validationFile: 'v', evalStrategy: 'epoch', earlyStoppingPatience: 2 },
      ['--early_stopping_patience', '--load_best_model_at_end'],
    ],
    [{ saveSteps: 1.5 }, ['--save_steps is a whole number']],
    [{ warmupRatio: 0.1, warmupSteps: 5 }, ['--warmup_ratio', '--warmup_steps']],
    [
      { lrSchedulerKwargs: { power: 2 } },
      ['--lr_scheduler_kwargs', '--lr_scheduler_type is linear'],
    ],
    [
      { lrSchedulerType: 'polynomial', lrSchedulerKwargs: { lr_end: 1 } },
      ['lr_end 1', '--learning_rate 0.00005'],
    ],
    [{ problemType: 'regression', numLabels: 3 }, ['--problem_type', '--num_labels']],
    [{ bf16: true, engine: 'onnx' }, ['--bf16', '--engine onnx']],
    [{ textColumnNames: 'a,b,c' }, ['--text_column_names']],
  ];
  it.each(cases)('refuses %j naming the fields', async (written, fields) => {
    const message = await refusal(() => checkConfig({ ...required, ...written }));
    for (const field of fields) expect(message).toContain(field);
  });

  it('refuses bfloat16 on a CPU without it, and trusts the engine where that is not known', async () => {
    const config = { ...checkConfig(required), bf16: true };
    expect(await refusal(() => checkCombinations(config, { bf16: false }))).toContain(
      '--bf16: this CPU has no',
    );
    expect(() => checkCombinations(config, { bf16: undefined })).not.toThrow();
    for (const engine of ['xla', 'tensorflow'] as const)
      expect(() => checkCombinations({ ...config, engine }, { bf16: false })).not.toThrow();
    expect(bf16InHardware(new Set(['avx2', 'fma']))).toBe(false);
    expect(bf16InHardware(new Set(['avx512_bf16']))).toBe(true);
    expect(bf16InHardware(undefined)).toBe(undefined);
  });

  it('accepts what works', () => {
    const written = {
      validationFile: 'v',
      evalStrategy: 'epoch',
      loadBestModelAtEnd: true,
      earlyStoppingPatience: 2,
    };
    expect(checkConfig({ ...required, ...written }).loadBestModelAtEnd).toBe(true);
  });

  it('every option name has one key', () => {
    const keys = Object.keys(runConfigSchema.shape);
    expect(new Set(keys.map(optionName)).size).toBe(keys.length);
  });
});
