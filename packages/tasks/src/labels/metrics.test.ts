import { readFileSync } from 'node:fs';
import type { LabelTask } from '@microtune/shared';
import { describe, expect, it } from 'vitest';
import { computeMetrics, metricNames } from './metrics.js';

interface Case {
  name: string;
  classes: number;
  smoothing: number;
  labels: number[];
  logits: number[];
  metrics: Record<string, number>;
}
const cases = JSON.parse(
  readFileSync(new URL('../../oracle/metrics.json', import.meta.url), 'utf8'),
) as Case[];

const taskOf = (classes: number): LabelTask =>
  classes === 1
    ? { kind: 'regression' }
    : {
        kind: 'sequence-classification',
        labels: Array.from({ length: classes }, (_, i) => `${i}`),
      };

describe('computeMetrics', () => {
  it.each(cases.map((c) => [c.name, c] as const))('agrees with scikit-learn: %s', (_, c) => {
    const task = taskOf(c.classes);
    const computed = computeMetrics(
      {
        numLabels: c.classes,
        logits: Float32Array.from(c.logits),
        labels: Float32Array.from(c.labels),
      },
      task,
      { labelSmoothing: c.smoothing },
    );
    expect(Object.keys(computed).sort()).toEqual(Object.keys(c.metrics).sort());
    expect(Object.keys(computed)).toEqual(metricNames(task));
    for (const [name, expected] of Object.entries(c.metrics)) {
      expect(Math.abs((computed[name] ?? NaN) - expected), name).toBeLessThanOrEqual(
        1e-9 * Math.max(1, expected),
      );
    }
  });

  it('is 0 where a correlation has no variance', () => {
    const constant = {
      numLabels: 1,
      logits: Float32Array.of(1, 1, 1),
      labels: Float32Array.of(1, 2, 3),
    };
    const metrics = computeMetrics(constant, { kind: 'regression' }, { labelSmoothing: 0 });
    expect(metrics).toMatchObject({ pearson: 0, spearmanr: 0 });
  });

  it('refuses logits that do not fit the rows', () => {
    const predictions = { numLabels: 2, logits: new Float32Array(5), labels: new Float32Array(2) };
    expect(() => computeMetrics(predictions, taskOf(2), { labelSmoothing: 0 })).toThrow('internal');
  });
});
