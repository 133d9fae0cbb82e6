import type { OpenedRow } from '@microtune/data';

/** What the row's own column `id` holds, so that answers can be joined to what was asked. */
export function idOf(values: OpenedRow['values']): { readonly id?: string | number } {
  const id = values?.['id'];
  if (typeof id === 'string' || typeof id === 'number') return { id };
  // JSON has no integers beyond 2^53.
  return typeof id === 'bigint'
    ? { id: Number.isSafeInteger(Number(id)) ? Number(id) : `${id}` }
    : {};
}
