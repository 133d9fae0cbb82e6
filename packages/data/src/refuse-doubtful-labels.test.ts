import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLabelTable } from './label-table.js';
import { refuseDoubtfulLabels } from './refuse-doubtful-labels.js';
import type { LabelTask } from '@microtune/shared';
import type { CountedLabel } from './refuse-doubtful-labels.js';

/** Counted as the rows of a file with a header have them. */
function counted(values: readonly string[]): CountedLabel[] {
  const table = createLabelTable();
  const counts: number[] = [];
  values.forEach((value, index) => {
    const at = table.add(value, { values: {}, file: 'a.tsv', line: index + 2 });
    counts[at] = (counts[at] ?? 0) + 1;
  });
  return table.entries.map((entry, at) => ({ ...entry, count: counts[at] ?? 0 }));
}

const classes = { kind: 'sequence-classification', labels: [] } satisfies LabelTask;
const refusal = (values: readonly string[], numLabels?: number): string => {
  try {
    refuseDoubtfulLabels(counted(values), classes, numLabels);
    return 'none';
  } catch (error) {
    return String(error);
  }
};
const times = (count: number, value: string): string[] => Array<string>(count).fill(value);

describe('doubtful labels', () => {
  it.each<[string, string[], RegExp]>([
    ['NaN among numbers', [...times(20, '0.5'), 'NaN'], /a\.tsv:22: label "NaN" is not a number/],
    ['a decimal comma', [...times(20, '0.5'), '3,5'], /a\.tsv:22: label "3,5"/],
    ['nan among names', ['good', 'bad', 'nan'], /a\.tsv:4: label "nan" stands for a missing/],
    [
      'capitals',
      [...times(9, 'pos'), ...times(9, 'neg'), 'Pos'],
      /a\.tsv:20: .*"Pos" in 1, "pos" in 9.*--num_labels 3.*"pos" at a\.tsv:2/,
    ],
    ['a lonely class', [...times(10, 'a'), ...times(10, 'b'), 'c'], /a\.tsv:22: only this row/],
    ['a class for each row', Array.from({ length: 40 }, (_, n) => `id${n}`), /40 different labels/],
  ])('%s is refused, and num_labels settles it', (_, values, message) => {
    expect(refusal(values)).toMatch(message);
    expect(refusal(values, new Set(values).size)).toBe('none');
  });

  it('lets small sets and whole classes be', () => {
    expect(refusal(['good', 'bad'])).toBe('none');
    expect(refusal([...times(10, '0'), ...times(10, '1')])).toBe('none');
  });

  it('are doubtful in any order of the rows', () => {
    const labels = fc.array(fc.constantFrom('0', '1', '2.5', 'nan', 'pos', 'Pos', 'neg'), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(labels, (values) => {
        expect(refusal([...values].reverse()) === 'none').toBe(refusal(values) === 'none');
      }),
    );
  });
});
