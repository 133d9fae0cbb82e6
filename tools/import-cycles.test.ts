import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../packages', import.meta.url));

/** Relative imports of values, `import()` too; those of types are gone when the program runs. */
function importsOf(file: string): string[] {
  const source = ts.createSourceFile(
    file,
    readFileSync(file, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: string[] = [];
  const add = (name: ts.Node | undefined) => {
    if (name !== undefined && ts.isStringLiteral(name) && name.text.startsWith('.'))
      found.push(resolve(dirname(file), name.text.replace(/\.js$/, '.ts')));
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && node.importClause?.isTypeOnly !== true)
      add(node.moduleSpecifier);
    if (ts.isExportDeclaration(node) && !node.isTypeOnly) add(node.moduleSpecifier);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The first circle that a search in depth meets, as file names; undefined when there is none. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const circle = visit(next);
      if (circle !== undefined) return circle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = visit(file);
    if (circle !== undefined) return circle.map((each) => relative(packages, each));
  }
  return undefined;
}

it('finds a circle', () => {
  const file = (name: string) => join(packages, name);
  const graph = new Map([
    [file('a'), [file('b')]],
    [file('b'), [file('c')]],
    [file('c'), [file('b')]],
  ]);
  expect(circleIn(graph)).toEqual(['b', 'c', 'b']);
});

it('there is none among the sources of a package', () => {
  const files = readdirSync(packages, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /^[^/]+\/src\/.*(?<!\.test)\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(300);
  const graph = new Map(
    files.map((file) => [join(packages, file), importsOf(join(packages, file))]),
  );
  expect(circleIn(graph)).toBeUndefined();
});
