/** Tables for people. */
import Table from 'cli-table3';

/** Rows of cells as text, numbers to the right. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const numeric = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'),
  );
  const table = new Table({
    head: [...head],
    colAligns: numeric.map((isNumber) => (isNumber ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => row.map((cell) => String(cell))));
  return table.toString();
}

/** Two columns without a heading: what, and its value. */
export function renderFacts(facts: readonly (readonly [string, string | number])[]): string {
  const table = new Table({ style: { head: [], border: [], compact: true } });
  table.push(...facts.map(([what, value]) => [what, String(value)]));
  return table.toString();
}
