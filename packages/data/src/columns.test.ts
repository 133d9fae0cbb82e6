import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsByName, surveyColumns } from './columns.js';
import type { ColumnOptions, TextColumns } from './columns.js';
import type { Row } from './row.js';

const rowOf = (values: Record<string, unknown>, index = 0): Row => ({
  values,
  file: 'a.csv',
  line: index + 2,
});

function decide(
  table: readonly Record<string, unknown>[],
  options: Partial<ColumnOptions> = {},
): TextColumns {
  const full = { labelColumnName: 'label', ...options };
  const named = columnsByName(Object.keys(table[0] ?? {}), full, 'a.csv');
  if (named !== undefined) return named;
  const survey = surveyColumns(full);
  table.map(rowOf).forEach((row) => survey.add(row));
  return survey.decide('a.csv');
}

/** The decision, or the words of the refusal. */
function outcome(...given: Parameters<typeof decide>): unknown {
  try {
    return [...decide(...given)].filter((name) => name !== undefined);
  } catch (error) {
    return String(error);
  }
}

const uuid = '123e4567-e89b-42d3-a456-426614174000';

describe('which columns are texts', () => {
  it.each<[string, Record<string, unknown>, unknown]>([
    ['text', { id: '1', text: 'a', label: '0' }, ['text']],
    ['a pair', { sentence1: 'a', sentence2: 'b', label: '0' }, ['sentence1', 'sentence2']],
    ['text and text_pair', { text: 'a', text_pair: 'b', label: '0' }, ['text', 'text_pair']],
    ['the only text', { id: '1', stars: '4.5', key: uuid, review: 'fine', label: '0' }, ['review']],
    [
      'title and body',
      { id: '1', title: 'a', body: 'b', label: '0' },
      expect.stringMatching(/"title", "body"; choose with --text_column_names, e\.g\. title/),
    ],
    ['two usual names', { text: 'a', sentence: 'b' }, expect.stringMatching(/more than one/)],
    ['ids alone', { id: '1', label: '0' }, expect.stringMatching(/no text column: "id" holds/)],
  ])('%s', (_, values, expected) => {
    expect(outcome([values])).toEqual(expected);
  });

  it('refuses the label as a text, and one column twice', () => {
    const table = [{ sentence: 'a', label: 'b' }];
    expect(outcome(table, { textColumnNames: ['label'] })).toMatch(/"label" is the label/);
    expect(outcome(table, { textColumnNames: ['sentence', 'sentence'] })).toMatch(/twice/);
  });

  const cell = fc.constantFrom('', '7', '0.5', uuid, 'a film', 'x');
  const names = ['id', 'title', 'body', 'text', 'sentence1', 'sentence2', 'label'];
  const tables = fc.subarray(names, { minLength: 1 }).chain((columns) =>
    fc.array(fc.record(Object.fromEntries(columns.map((name) => [name, cell]))), {
      minLength: 1,
      maxLength: 8,
    }),
  );

  it('never follow from the order of the rows', () => {
    fc.assert(
      fc.property(
        tables.chain((table) =>
          fc.tuple(
            fc.constant(table),
            fc.shuffledSubarray(table, { minLength: table.length, maxLength: table.length }),
          ),
        ),
        ([table, shuffled]) => {
          expect(outcome(shuffled)).toEqual(outcome(table));
        },
      ),
    );
  });

  it('are the same when the decision is given as the option', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const decided = outcome(table);
        if (!Array.isArray(decided)) return;
        expect(outcome(table, { textColumnNames: decided as string[] })).toEqual(decided);
      }),
    );
  });
});
