import { describe, expect, it } from 'vitest';
import { labelsOf } from '@microtune/shared';
import { buildLabelMapping, createLabelLookup, mapLabels } from './label-mapping.js';
import type { MappingOptions } from './label-mapping.js';
import type { RawLabel } from './label-table.js';

const entries = (values: readonly RawLabel[]) =>
  values.map((value, index) => ({ value, file: 'train.csv', line: index + 2 }));
const mapping = (values: readonly RawLabel[], options: MappingOptions = {}) =>
  buildLabelMapping(entries(values), options);

const classes = (values: readonly RawLabel[], options: MappingOptions = {}) =>
  labelsOf(mapping(values, options));

describe('buildLabelMapping', () => {
  it('sorts names', () => {
    expect(mapping(['pos', 'neg', 'meh'])).toEqual({
      kind: 'sequence-classification',
      labels: ['meh', 'neg', 'pos'],
    });
  });

  it('keeps integers from 0 as ids, also when a file holds them as text', () => {
    expect(classes([1, 0, 2])).toEqual(['0', '1', '2']);
    expect(classes(['1', '0'])).toEqual(['0', '1']);
    expect(classes([0, 2], { numLabels: 4 })).toEqual(['0', '1', '2', '3']);
  });

  it('takes the names of the model for ids, when there are as many', () => {
    expect(classes([1, 0], { modelLabels: ['NEG', 'POS'] })).toEqual(['NEG', 'POS']);
    expect(classes([1, 0], { modelLabels: ['a', 'b', 'c'] })).toEqual(['0', '1']);
    expect(classes([2, 0], { modelLabels: ['a', 'b', 'c'] })).toEqual(['a', 'b', 'c']);
  });

  it('keeps the order of the model when it has the same names', () => {
    expect(classes(['b', 'a'], { modelLabels: ['b', 'a'] })).toEqual(['b', 'a']);
    const settled = { modelLabels: ['x', 'a'], numLabels: 2 };
    expect(classes(['b', 'a'], settled)).toEqual(['a', 'b']);
    const three = ['c', 'b', 'a'];
    expect(classes(['b', 'a'], { modelLabels: three })).toEqual(three);
    expect(classes(['b', 'a'], { modelLabels: three, numLabels: 3 })).toEqual(three);
    expect(classes(['b', 'a'], { modelLabels: three, numLabels: 2 })).toEqual(['a', 'b']);
  });

  it('maps other integers by their order as numbers', () => {
    expect(classes([10, 9, -1])).toEqual(['-1', '9', '10']);
    expect(classes([1, 2, 3, 4, 5])).toEqual(['1', '2', '3', '4', '5']);
  });

  it('takes fractions for regression, unless told otherwise', () => {
    expect(mapping([0.5, 1])).toEqual({ kind: 'regression' });
    expect(mapping(['3.8', '4'])).toEqual({ kind: 'regression' });
    expect(mapping([1, 2], { numLabels: 1 })).toEqual({ kind: 'regression' });
    expect(mapping([0, 1], { problemType: 'regression' })).toEqual({ kind: 'regression' });
    expect(mapping([0, 1], { modelProblemType: 'regression' })).toEqual({ kind: 'regression' });
    expect(classes([0, 1], { modelProblemType: 'regression', numLabels: 2 })).toHaveLength(2);
  });

  it.each<[RawLabel[], MappingOptions, string, RegExp]>([
    [['a', 'a'], {}, 'data', /every row has the label "a"/],
    [
      ['negative', 'positive'],
      { modelLabels: ['awful', 'good'] },
      'data',
      /"negative", "positive", and the model's head answers "awful", "good".*--num_labels 2/,
    ],
    [[0, 5], { modelLabels: ['awful', 'good'] }, 'data', /"0", "5", and the model's head answers/],
    [['a', 'b', 'c'], { numLabels: 2 }, 'usage', /num_labels is 2, .* has 3/],
    [[5, 6, 7], { numLabels: 2 }, 'usage', /num_labels is 2, .* has 3/],
    [[0, 1], { numLabels: 2, problemType: 'regression' }, 'usage', /contradicts/],
    [[0, 1], { numLabels: 1, problemType: 'single_label_classification' }, 'usage', /regression/],
    [
      [0.5, 'x'],
      { problemType: 'regression' },
      'data',
      /train\.csv:3: regression needs numbers, found label "x"/,
    ],
  ])('refuses %j with %j', (values, options, code, message) => {
    expect(() => mapping(values, options)).toThrow(
      expect.objectContaining({
        code,
        message: expect.stringMatching(message) as unknown,
      }) as Error,
    );
  });
});

describe('applying a mapping', () => {
  it('knows a label by its name, its number, or as an id where names are not numbers', () => {
    const named = createLabelLookup({
      kind: 'sequence-classification',
      labels: ['NEG', 'POS'],
    });
    expect(['POS', 1, '1', 0].map(named)).toEqual([1, 1, 1, 0]);
    expect(['pos', 2, -1, 0.5].map(named)).toEqual([undefined, undefined, undefined, undefined]);
    const numbered = createLabelLookup({
      kind: 'sequence-classification',
      labels: ['1', '3'],
    });
    expect([3, '3', '3.0', 0, 2].map(numbered)).toEqual([1, 1, 1, undefined, undefined]);
  });

  it('names file, line, label and the known labels for one outside', () => {
    const known = mapping(['neg', 'pos']);
    expect(() => mapLabels([{ value: 'meh', file: 'dev.tsv', line: 7 }], known)).toThrow(
      'dev.tsv:7: unknown label "meh": the labels of the training data are "neg", "pos"',
    );
  });
});
