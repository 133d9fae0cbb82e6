import { loadEngine } from '@microtune/engine';
import { loraDefaults, type MethodSpec } from '@microtune/models';
import { describe, expect, it } from 'vitest';
import { openSmallWorld } from './testing/small-training.js';

const methods: readonly MethodSpec[] = [
  { kind: 'head_only' },
  { kind: 'bitfit' },
  { kind: 'freeze', patterns: ['word_embeddings', 'layer\\.0\\.'] },
  { ...loraDefaults, r: 4, alpha: 8, dropout: 0.1 },
  { ...loraDefaults, r: 4, alpha: 8, useDora: true, rateRatio: 4 },
  {
    kind: 'ia3',
    targets: undefined,
    feedforward: undefined,
    exclude: undefined,
    modulesToSave: [],
    isFound: false,
  },
];

describe.each(methods)('training with $kind', (method) => {
  it('gives the same bits with 1, 2 and 3 workers, and learns', async () => {
    const engine = await loadEngine('onnx');
    const results = [];
    for (const workers of [1, 2, 3]) {
      using world = await openSmallWorld(engine, { workers, method });
      const before = await world.snapshot();
      const reports = await world.train(1, 4);
      const after = await world.snapshot(workers - 1);
      expect(after.parameters).not.toEqual(before.parameters);
      expect(reports.map(({ gradientNorm }) => gradientNorm).every((norm) => norm > 0)).toBe(true);
      results.push({ after, losses: reports.map(({ lossSum }) => lossSum) });
    }
    engine.dispose();
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });
});
