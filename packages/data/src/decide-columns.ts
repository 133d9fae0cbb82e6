import { columnsByName, requireColumn, surveyColumns } from './columns.js';
import { readRows } from './read-rows.js';
import { checkDataFile } from './read-text.js';
import { columnsOf } from './row.js';
import type { TextColumns } from './columns.js';
import type { ColumnConfig } from './source-data.js';

/**
 * The columns of the texts of a training set, decided once. Files are read to their end only where names do not tell:
 * so no decision hangs on which row comes first.
 * @throws MicrotuneError `data` or `usage` as the columns' rules have it, and as `readRows`
 */
export async function decideTextColumns(
  files: readonly string[],
  columns: ColumnConfig,
): Promise<TextColumns> {
  for (const file of files) await checkDataFile(file);
  const survey = surveyColumns(columns);
  const [file = ''] = files;
  let isFirst = true;
  for await (const row of readRows(files, columns)) {
    if (isFirst) {
      const available = columnsOf(row);
      requireColumn(available, columns.labelColumnName, { file, what: 'label' });
      const named = columnsByName(available, columns, file);
      if (named !== undefined) return named;
      isFirst = false;
    }
    survey.add(row);
  }
  return survey.decide(file);
}
