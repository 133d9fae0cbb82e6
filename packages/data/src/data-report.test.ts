import { describe, expect, it } from 'vitest';
import { reportData } from './data-report.js';
import { lengthsOf, packRows } from './token-store.js';
import type { TokenizedDataset } from './dataset.js';

type Sample = readonly [ids: number[], label: number, isCut?: boolean];

function split(samples: readonly Sample[]): TokenizedDataset {
  const tokens = packRows(
    samples.map(([ids, , isCut = false]) => ({ ids, typeIds: ids.map(() => 0), isCut })),
  );
  const labels = Float32Array.from(samples, ([, label]) => label);
  return { size: samples.length, lengths: lengthsOf(tokens), ...tokens, labels, contentHash: '' };
}

const classes = { kind: 'sequence-classification' as const, labels: ['neg', 'pos', 'rest'] };

describe('reportData', () => {
  it('counts classes, lengths, rows that were cut, duplicates, conflicts and overlap', () => {
    const train = split([
      [[1, 7, 2], 0],
      [[1, 7, 2], 0],
      [[1, 8, 2], 0],
      [[1, 8, 2], 1],
      [[1, 8, 2], 1],
      [[1, 7, 7, 7, 7, 2], 1, true],
      [[1, 2], 0],
      // The same ids, cut elsewhere: not the same rows.
      [[1], 0],
      [[2], 0],
    ]);
    const validation = split([
      [[1, 8, 2], 1],
      [[1, 8, 2], 1],
      [[1, 9, 2], 2],
    ]);
    expect(reportData({ train, validation, task: classes })).toEqual({
      train: {
        rows: 9,
        classCounts: [
          { label: 'neg', rows: 6 },
          { label: 'pos', rows: 3 },
          { label: 'rest', rows: 0 },
        ],
        labelRange: undefined,
        tokens: { min: 1, median: 3, p95: 6, max: 6 },
        rowsCut: 1,
        duplicateRows: 3,
        conflictingRows: 3,
      },
      validation: expect.objectContaining({
        rows: 3,
        duplicateRows: 1,
        conflictingRows: 0,
        rowsCut: 0,
      }) as unknown,
      overlapRows: 2,
    });
  });

  it('gives the range of the labels of a regression, in the order of numbers', () => {
    const train = split([
      [[1], 10],
      [[2], -2.5],
      [[3], 9],
    ]);
    const task = { kind: 'regression' } as const;
    const report = reportData({ train, validation: undefined, task });
    expect(report.train.labelRange).toMatchObject({ min: -2.5, median: 9, max: 10 });
    expect(report).toMatchObject({ validation: undefined, overlapRows: 0 });
    expect(report.train.classCounts).toBeUndefined();
  });
});
