import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRunSettings } from './run-settings.js';

const run = mkdtempSync(join(tmpdir(), 'microtune-settings-'));
afterAll(() => rmSync(run, { recursive: true }));

describe('readRunSettings', () => {
  writeFileSync(
    join(run, 'config.resolved.yaml'),
    'max_seq_length: 64\ncolumn_names: [sentence, gold]\nlabel_column_name: gold\nlabel_smoothing_factor: 0.1\nas_chat: true\ncompletion_column: answer\n',
  );

  it.each(['.', 'checkpoint-7', 'best'])('are those of the run for its folder %s', async (name) => {
    expect(await readRunSettings(join(run, name))).toEqual({
      maxSeqLength: 64,
      columnNames: ['sentence', 'gold'],
      textColumnNames: undefined,
      labelColumnName: 'gold',
      labelSmoothing: 0.1,
      microBatchTokens: 512,
      isRun: true,
      language: { asChat: true, completionColumn: 'answer' },
    });
  });

  it('are the defaults for a model that no run made', async () => {
    expect(await readRunSettings(join(run, 'model'))).toMatchObject({
      maxSeqLength: undefined,
      labelColumnName: 'label',
      isRun: false,
    });
  });
});
