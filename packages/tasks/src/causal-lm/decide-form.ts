/** What the rows of a run are, decided once: by the first row of its training files, in the words of the options. */
import { readRows } from '@microtune/data';
import { assert } from '@microtune/shared';
import { findDataForm, type DataForm, type FormOptions } from './data-form.js';
import type { EncodeOptions } from './encode-samples.js';

/**
 * The options that name the columns found, so that processes that are told them, and runs that name them, have the same data.
 * @throws MicrotuneError as `findDataForm` and `readRows`
 */
export async function decideForm(
  files: readonly string[],
  options: EncodeOptions,
): Promise<FormWords> {
  for await (const row of readRows(files, options)) return wordsOf(findDataForm(row, options));
  assert(false, 'files without a row are an error of their own');
}

type FormWords = Pick<FormOptions, 'promptColumn' | 'completionColumn' | 'messagesColumn'> & {
  textColumnNames?: string[];
};

function wordsOf(form: DataForm): FormWords {
  switch (form.kind) {
    case 'text':
      return { textColumnNames: [form.column] };
    case 'completion':
      return { promptColumn: form.prompt, completionColumn: form.completion };
    case 'chat':
      return { messagesColumn: form.column };
  }
}
