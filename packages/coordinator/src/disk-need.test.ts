import { parseRunConfig, runFolder, type RunConfig } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import type { RunSpec } from './decide/run-spec.js';
import { checkDisk, diskNeed, freeBytes } from './disk-need.js';
import { resolveConfig } from './resolve-config.js';

const machine = { cores: 2, engine: 'onnx', devices: ['cpu'] } as const;

function specOf(more: Partial<RunConfig>, totalSteps: number, present = 0): RunSpec {
  const written = {
    modelNameOrPath: 'model',
    trainFile: 'a.csv',
    outputDir: 'no-such-run',
    ...more,
  };
  const config = resolveConfig(parseRunConfig(written), machine);
  return {
    config,
    folder: runFolder(config.outputDir),
    totalSteps,
    stepsOfEpoch: 10,
    start: undefined,
    existingCheckpoints: Array.from({ length: present }, (_, i) => `checkpoint-${i}`),
    evaluation: undefined,
  } as unknown as RunSpec;
}

/** A model of which everything is trained. */
const whole = (count: number) => ({ all: count, trained: count });

describe('diskNeed', () => {
  it('counts an adapter alone, and moments of what is trained alone', () => {
    const model = { all: 1000, trained: 10 };
    const of = (method: RunConfig['method']) =>
      diskNeed(specOf({ saveSteps: 10, method }, 35), model);
    // Four checkpoints of weights and moments, and the model at the end.
    expect(of('lora').mostBytes).toBe(4 * (4 * (10 + 20) + 10));
    expect(of('head_only').mostBytes).toBe(4 * (4 * (1000 + 20) + 1000));
    expect(of('head_only').checkpointBytes).toBe(4 * 1020);
  });

  // Least and most in numbers of the model's weights.
  it.each<[string, Partial<RunConfig> & { present?: number }, object]>([
    ['the model alone', { saveStrategy: 'no' }, { checkpoints: 0, least: 1, most: 1 }],
    ['every ten steps, and the end', { saveSteps: 10 }, { checkpoints: 4, least: 8, most: 13 }],
    [
      'one more than the limit while it is written',
      { saveSteps: 10, saveTotalLimit: 1 },
      { checkpoints: 2, least: 4, most: 7 },
    ],
    [
      'less where some are there already',
      { saveSteps: 10, saveTotalLimit: 3, present: 2 },
      { checkpoints: 2, least: 4, most: 7 },
    ],
    [
      'best weights of their own',
      { saveStrategy: 'epoch', loadBestModelAtEnd: true },
      { checkpoints: 4, least: 8, most: 15 },
    ],
  ])('counts %s', (_, { present, ...more }, expected) => {
    const need = diskNeed(specOf(more, 35, present), whole(1000));
    const [least, most] = [need.leastBytes / 4000, need.mostBytes / 4000];
    expect({ checkpoints: need.checkpoints, least, most }).toEqual(expected);
  });
});

describe('checkDisk', () => {
  it('refuses what cannot fit, warns of what may not, and is silent where there is room', () => {
    const free = freeBytes('no-such-run') ?? 0;
    expect(free).toBeGreaterThan(0);
    const spec = specOf({ saveSteps: 10 }, 35);
    expect(() => checkDisk(spec, whole(free / 4))).toThrow(
      /^output_dir: \d+ MB are free where no-such-run is, and this run needs at least \d+ MB: 4 checkpoints of .*--save_total_limit/,
    );
    expect(checkDisk(spec, whole(free / 40))).toMatch(/may need up to/);
    expect(checkDisk(spec, whole(1000))).toBeUndefined();
  });
});
