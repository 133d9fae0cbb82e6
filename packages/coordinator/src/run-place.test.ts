import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runFolder } from '@microtune/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeMarker } from './run-marker.js';
import { createRunPlace, recoverRunPlace } from './run-place.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'microtune-place-'));
  putRun(root, 'old');
  for (const name of ['notes.txt', 'checkpoint-8/mine.txt', 'logs/mine.log'])
    put(root, name, 'mine');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(folder: string, name: string, text: string): void {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function putRun(folder: string, text: string): void {
  for (const name of [
    'config.json',
    'metrics.jsonl',
    'checkpoint-8/config.json',
    'logs/worker-0.log',
  ])
    put(folder, name, text);
  writeMarker(runFolder(folder), { run_id: text, has_model: true });
}

const read = (name: string): string => readFileSync(join(root, name), 'utf8');

function expectRun(text: string): void {
  for (const name of [
    'config.json',
    'metrics.jsonl',
    'checkpoint-8/config.json',
    'logs/worker-0.log',
  ])
    expect(read(name)).toBe(text);
  for (const name of ['notes.txt', 'checkpoint-8/mine.txt', 'logs/mine.log'])
    expect(read(name)).toBe('mine');
  expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
}

describe('a young run', () => {
  it('takes the place of an earlier one, but of no file that is not of a run', () => {
    put(root, 'checkpoint-4/config.json', 'old');
    const place = createRunPlace(root, { inPlace: false });
    expect(place.toDisk(join(root, 'checkpoint-8'))).toBe(place.folder.checkpoint(8));
    expect(place.fromDisk(place.folder.root)).toBe(root);
    putRun(place.folder.root, 'new');
    place.settle();
    expectRun('new');
    expect(existsSync(join(root, 'checkpoint-4'))).toBe(false);
    expect(place.toDisk(join(root, 'checkpoint-8'))).toBe(join(root, 'checkpoint-8'));
  });

  it('leaves everything as it was when it is abandoned, or its process killed', () => {
    for (const leave of [(): void => recoverRunPlace(root), undefined]) {
      const place = createRunPlace(root, { inPlace: false });
      putRun(place.folder.root, 'new');
      (leave ?? place.abandon)();
      expectRun('old');
    }
  });

  it('is in place after a crash among the renames, wherever that was', () => {
    const [next, young, old] = ['next', 'new', 'old'].map((name) =>
      join(root, `.microtune-${name}`),
    );
    const begin = (): void => putRun(createRunPlace(root, { inPlace: false }).folder.root, 'new');
    const steps = [
      () => {
        mkdirSync(old ?? '');
        renameSync(join(root, 'config.json'), join(old ?? '', 'config.json'));
      },
      () => {
        for (const name of ['checkpoint-8', 'logs', 'metrics.jsonl', 'microtune.json'])
          renameSync(join(root, name), join(old ?? '', name));
      },
      () => renameSync(next ?? '', young ?? ''),
      () => renameSync(join(young ?? '', 'logs'), join(root, 'logs')),
    ];
    for (let crashed = 1; crashed <= steps.length; crashed++) {
      begin();
      for (const step of steps.slice(0, crashed)) step();
      recoverRunPlace(root);
      expectRun('new');
    }
  });
});
