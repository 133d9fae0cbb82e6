/** A dated report: the question, both sides from one run, the machine, the spread. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine.js';

export interface Report {
  /** File name part, e.g. `bert-step`. */
  what: string;
  title: string;
  command: string;
  machine: Machine;
  /** Column names and rows of the result table. */
  columns: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  notes?: readonly string[];
}

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');

export function renderReport(report: Report, date: string): string {
  const { machine } = report;
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [
    `# ${report.title}`,
    '',
    `- date: ${date}`,
    `- command: \`${report.command}\``,
    `- commit: ${machine.commit}`,
    `- machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, features ${machine.features.join(', ')}; Node ${machine.node}`,
    '',
    line(report.columns),
    line(report.columns.map(() => '---')),
    ...report.rows.map(line),
    '',
    ...(report.notes ?? []).map((note) => `- ${note}`),
    '',
  ].join('\n');
}

/** Prints the report and writes it to `benchmarks/reports/<what>_<cpu>_<date>.md`. */
export function publishReport(report: Report, options: { write: boolean }): void {
  const date = new Date().toISOString().slice(0, 10);
  const text = renderReport(report, date);
  console.log(text);
  if (!options.write) return;
  const folder = join('benchmarks', 'reports');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${report.what}_${slug(report.machine.cpu)}_${date}.md`);
  writeFileSync(file, text);
  console.log(`written: ${file}`);
}
