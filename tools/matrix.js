// Which families, tasks and methods the tests have trained to the same bits, as a table: read from what the last run of the tests
// left in .reports. `npx nx matrix tests`, after `npx nx test tests`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const suite = 'matrix of the same bits for 1, 2 and 3 workers';
const report = join(import.meta.dirname, '../.reports/tests.json');

/** Of `family, task, method` the status of its test. */
export function cellsOf({ testResults }) {
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ ancestorTitles }) => ancestorTitles.includes(suite))
    .map(({ title, status }) => {
      const [family, task, method] = title.split(', ');
      return { family, task, method, status };
    });
}

/** A line for each family and task, a column for each method; `-` where no test is. */
export function tableOf(cells) {
  const methods = [...new Set(cells.map(({ method }) => method))];
  const rows = [...new Set(cells.map(({ family, task }) => `${family} ${task}`))];
  const statusOf = (row, column) =>
    cells.find(({ family, task, method }) => `${family} ${task}` === row && method === column)
      ?.status ?? '-';
  const lines = [
    ['', ...methods],
    ...rows.map((row) => [row, ...methods.map((each) => statusOf(row, each))]),
  ];
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  return lines
    .map((line) =>
      line
        .map((text, at) => text.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

if (process.argv[1] === import.meta.filename) {
  if (!existsSync(report)) {
    console.error(`${report} is not there: run npx nx test tests first`);
    process.exitCode = 1;
  } else {
    const cells = cellsOf(JSON.parse(readFileSync(report, 'utf8')));
    console.log(`${suite}, by the tests\n\n${tableOf(cells)}`);
    if (cells.length === 0 || cells.some(({ status }) => status !== 'passed')) process.exitCode = 1;
  }
}
