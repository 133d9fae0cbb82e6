/** Lines of TypeScript per package, tests apart: growth is noticed (docs/architecture.md says what each should weigh). */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packages');

function sourceFiles(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

const rows = readdirSync(packages).map((name) => {
  const files = sourceFiles(join(packages, name, 'src'));
  const count = (list) =>
    list.reduce((sum, file) => sum + readFileSync(file, 'utf8').split('\n').length - 1, 0);
  const tests = files.filter((file) => file.endsWith('.test.ts'));
  const sources = files.filter((file) => !file.endsWith('.test.ts'));
  const longest = Math.max(0, ...sources.map((file) => count([file])));
  return {
    package: name,
    files: sources.length,
    lines: count(sources),
    longest,
    'test lines': count(tests),
  };
});
console.table(rows);
