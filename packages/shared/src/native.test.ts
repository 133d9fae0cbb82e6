import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KoffiFunc } from 'koffi';
import { expect, it, onTestFinished } from 'vitest';
import { loadLibrary } from './native.js';

/** A call that writes to 4 MiB of stack, from the far end: compilers of graphs recurse. */
const source = `
int deep(int value) {
  volatile char stack[4 << 20];
  for (int at = 0; at < sizeof stack; at += 1024) stack[at] = (char)value;
  return stack[0];
}`;

it('a call aside has the stack of a thread, not 128 KiB with other memory below', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'microtune-native-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  writeFileSync(join(folder, 'deep.c'), source);
  const file = join(folder, 'deep.so');
  try {
    execFileSync('cc', ['-O0', '-shared', '-fPIC', '-o', file, join(folder, 'deep.c')]);
  } catch {
    context.skip('no C compiler');
  }
  const deep = loadLibrary(file).func('deep', 'int', ['int']) as KoffiFunc<
    (value: number) => number
  >;
  const result = await new Promise((resolve, reject) => {
    deep.async(7, (error: Error | null, value: number) => {
      if (error === null) resolve(value);
      else reject(error);
    });
  });
  expect(result).toBe(7);
});
