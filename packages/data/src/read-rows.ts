import { extname } from 'node:path';
import { MicrotuneError } from '@microtune/shared';
import { readCsv } from './read-csv.js';
import { readJson } from './read-json.js';
import { readTsv } from './read-tsv.js';
import { dataError } from './row.js';
import type { ReadOptions, Row } from './row.js';

type Reader = (file: string, options: ReadOptions) => AsyncGenerator<Row>;

const readers: Readonly<Record<string, Reader>> = {
  '.csv': readCsv,
  '.tsv': readTsv,
  '.jsonl': readJson,
  '.json': readJson,
  '.parquet': readParquetLazily,
};

/** Its decoders are as much code as all the rest of a worker: loaded for the files that want them. */
async function* readParquetLazily(file: string): AsyncGenerator<Row> {
  const { readParquet } = await import('./read-parquet.js');
  yield* readParquet(file);
}

/** @throws MicrotuneError `usage` when the extension is none of the known ones */
function readerOf(file: string): Reader {
  const extension = extname(file).toLowerCase();
  const reader = Object.hasOwn(readers, extension) ? readers[extension] : undefined;
  if (reader !== undefined) return reader;
  throw new MicrotuneError(
    'usage',
    `${file}: unknown kind of data file ${JSON.stringify(extension)}; expected ${Object.keys(readers).join(', ')}`,
  );
}

/**
 * The rows of several files, one after the other.
 * @throws MicrotuneError `usage` for an unknown extension; `data` for a missing, empty or damaged file, naming file and line
 */
export async function* readRows(
  files: readonly string[],
  options: ReadOptions = {},
): AsyncGenerator<Row> {
  // All extensions first: a wrong name in last place should not cost the reading of the others.
  const opened = files.map((file) => ({ file, reader: readerOf(file) }));
  for (const { file, reader } of opened) {
    let rows = 0;
    for await (const row of reader(file, options)) {
      rows++;
      yield row;
    }
    if (rows === 0) throw dataError(file, undefined, 'the file has no rows of data');
  }
}
