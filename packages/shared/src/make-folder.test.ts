import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.js';

const root = mkdtempSync(join(tmpdir(), 'make-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('makeFolder', () => {
  it('makes what is missing, and takes what is there, also behind a link', () => {
    const folder = join(root, 'a', 'b', 'c');
    makeFolder(folder);
    makeFolder(folder);
    expect(statSync(folder).isDirectory()).toBe(true);
    symlinkSync(folder, join(root, 'link'));
    makeFolder(join(root, 'link'));
    makeFolder(join(root, 'link', 'd'));
    expect(statSync(join(folder, 'd')).isDirectory()).toBe(true);
  });

  it('ends with the error of the file system where no folder can be', () => {
    writeFileSync(join(root, 'file'), '');
    symlinkSync(join(root, 'nowhere', 'x'), join(root, 'dangling'));
    symlinkSync(join(root, 'loop'), join(root, 'loop'));
    const codeOf = (path: string): string | undefined => {
      try {
        makeFolder(path);
        return undefined;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    };
    expect(codeOf(join(root, 'file'))).toBe('EEXIST');
    expect(codeOf(join(root, 'file', 'x'))).toBe('ENOTDIR');
    expect(codeOf(join(root, 'dangling'))).toBe('EEXIST');
    expect(codeOf(join(root, 'loop', 'x'))).toBe('ELOOP');
  });

  it.runIf(process.platform === 'linux')('does not spin in /proc', () => {
    for (const path of ['/proc/nowhere', '/proc/nowhere/x/y', '/proc/self/fd/x']) {
      expect(() => makeFolder(path)).toThrow('ENOENT');
    }
  });
});
