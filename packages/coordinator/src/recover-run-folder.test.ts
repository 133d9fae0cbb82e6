import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recoverRunFolder } from './recover-run-folder.js';

let parent: string;
let root: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'microtune-recover-'));
  root = join(parent, 'run');
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function put(folder: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), text);
}

it('gives a folder its previous content back, and removes what is half written or replaced', () => {
  put(join(root, 'best.previous-7'), 'old best');
  put(join(root, 'best.partial-7'), 'new best');
  put(join(root, 'checkpoint-4'), 'new 4');
  put(join(root, 'checkpoint-4.previous-7'), 'old 4');
  put(join(root, '.microtune-model.partial-7'), 'model');
  put(join(parent, 'run.previous-7'), 'planted beside the run');
  put(join(root, 'mine.partial-7'), 'of the user');
  put(join(parent, 'other.partial-7'), 'of another run');
  recoverRunFolder(root);
  expect(readdirSync(root).sort()).toEqual(['best', 'checkpoint-4', 'mine.partial-7']);
  expect(readdirSync(parent).sort()).toEqual(['other.partial-7', 'run', 'run.previous-7']);
  expect(readFileSync(join(root, 'best', 'config.json'), 'utf8')).toBe('old best');
  expect(readFileSync(join(root, 'checkpoint-4', 'config.json'), 'utf8')).toBe('new 4');
});

it('takes no link, and nothing of another user, for content of the run', () => {
  put(join(parent, 'theirs'), 'planted');
  put(join(root, 'best.partial-7'), 'ours');
  symlinkSync(join(parent, 'theirs'), join(root, 'checkpoint-4.previous-7'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    put(join(root, 'checkpoint-6.previous-7'), 'planted');
    chownSync(join(root, 'checkpoint-6.previous-7'), 65534, 65534);
  }
  recoverRunFolder(root);
  expect(readdirSync(root).sort()).toEqual([
    'checkpoint-4.previous-7',
    ...(isRoot ? ['checkpoint-6.previous-7'] : []),
  ]);
});
