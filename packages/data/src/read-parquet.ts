import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { checkDataFile } from './read-text.js';
import { dataError } from './row.js';
import type { Row } from './row.js';

/** Rows decoded at once: bounds the memory of a large file. */
const rowsPerRead = 8192;

/** Parquet with any compression. `line` of a row is its 1-based number. @throws MicrotuneError `data` for a damaged file */
export async function* readParquet(file: string): AsyncGenerator<Row> {
  await checkDataFile(file);
  try {
    const source = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(source);
    const rowCount = Number(metadata.num_rows);
    for (let rowStart = 0; rowStart < rowCount; rowStart += rowsPerRead) {
      const rowEnd = Math.min(rowCount, rowStart + rowsPerRead);
      const rows = await parquetReadObjects({
        file: source,
        metadata,
        compressors,
        rowStart,
        rowEnd,
      });
      for (const [index, values] of rows.entries()) {
        yield { values, file, line: rowStart + index + 1 };
      }
    }
  } catch (error) {
    if (error instanceof MicrotuneError) throw error;
    throw dataError(file, undefined, `not a readable parquet file: ${messageOf(error)}`, error);
  }
}
