/**
 * Where a run's files are while it is young. A new run is written into a folder of its own inside the run folder, `.microtune-next`, and
 * takes the place of what was there when it is worth it: a run that has nothing to replace when all workers are ready, one that
 * overwrites an earlier run with its first checkpoint. Until then what was there is untouched, and a run that ends before
 * leaves it so. A run that goes on from its own checkpoint is in its place from the start.
 *
 * Taking the place: the earlier run's files go into `.microtune-old`; `.microtune-next` is renamed to `.microtune-new`, from where on
 * there is no way back; its files move up; `.microtune-old` is removed. After a crash `recoverRunPlace` finishes that.
 * Files that no run has written are never touched; those inside the earlier run's folders stay there.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
} from 'node:fs';
import { basename, isAbsolute, join, relative, resolve } from 'node:path';
import {
  checkpointStep,
  isCheckpointFile,
  makeFolder,
  runFolder,
  youngRun,
  type RunFolder,
} from '@microtune/shared';
import { orTransient } from './run-files.js';
import { namesOfRun } from './run-marker.js';

export interface RunPlace {
  /** Where the run's files are now. */
  readonly folder: RunFolder;
  readonly isSettled: boolean;
  /** A path in the run folder -> where that is on the disk now. */
  toDisk(path: string): string;
  /** The way back. */
  fromDisk(path: string): string;
  /** Takes the place of what was there before. Nothing may be writing into the run's folders meanwhile. */
  settle(): void;
  /** Removes the files of a run that has not settled. */
  abandon(): void;
}

/**
 * @param root locked by the caller
 * @param inPlace for a run that goes on from its own checkpoint
 */
export function createRunPlace(root: string, { inPlace }: { inPlace: boolean }): RunPlace {
  const next = nextOf(root);
  let isSettled = inPlace;
  if (!inPlace) orTransient(root, () => mkdirSync(next));
  return {
    get folder() {
      return runFolder(isSettled ? root : next);
    },
    get isSettled() {
      return isSettled;
    },
    toDisk: (path) => (isSettled ? path : moved(path, root, next)),
    fromDisk: (path) => moved(path, next, root),
    settle: () => {
      if (isSettled) return;
      orTransient(root, () => takePlace(root));
      isSettled = true;
    },
    abandon: () => {
      if (!isSettled) orTransient(root, () => rmSync(next, { recursive: true, force: true }));
    },
  };
}

/** @returns the path unless it is in `from` */
function moved(path: string, from: string, to: string): string {
  const below = relative(from, path);
  if (below === '') return to;
  return below.startsWith('..') || isAbsolute(below) ? path : join(to, below);
}

/** @param outputDir locked by the caller. @throws MicrotuneError `transient` when the folder cannot be changed */
export function recoverRunPlace(outputDir: string): void {
  const root = resolve(outputDir);
  orTransient(root, () => {
    if (existsSync(newOf(root))) moveUp(root);
    else if (existsSync(oldOf(root)) && existsSync(nextOf(root))) takePlace(root);
    else removeEarlier(root);
    rmSync(nextOf(root), { recursive: true, force: true });
  });
}

const nextOf = (root: string): string => join(root, youngRun);
const newOf = (root: string): string => join(root, '.microtune-new');
const oldOf = (root: string): string => join(root, '.microtune-old');

function takePlace(root: string): void {
  makeFolder(oldOf(root));
  const marker = basename(runFolder(root).marker);
  const names = namesOfRun(root).filter((name) => name !== marker);
  // The marker last: while it is there, what is left is known for the run's.
  if (existsSync(runFolder(root).marker)) names.push(marker);
  for (const name of names) renameSync(join(root, name), join(oldOf(root), name));
  renameSync(nextOf(root), newOf(root));
  moveUp(root);
}

function moveUp(root: string): void {
  for (const name of readdirSync(newOf(root)))
    renameSync(join(newOf(root), name), join(root, name));
  rmdirSync(newOf(root));
  syncFolder(root);
  removeEarlier(root);
}

/** All but what no run has written, which goes back to where it was. */
function removeEarlier(root: string): void {
  const old = oldOf(root);
  if (!existsSync(old)) return;
  for (const name of readdirSync(old)) {
    const path = join(old, name);
    if (!lstatSync(path).isDirectory()) rmSync(path);
    else if (!removeOwn(path)) giveBack(path, join(root, name));
  }
  rmdirSync(old);
}

function giveBack(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const free = existsSync(join(to, name)) ? `${name}.earlier` : name;
    renameSync(join(from, name), join(to, free));
  }
  rmdirSync(from);
}

/** Removes what runs write into their folders (logs, best, checkpoints). @returns whether nothing else was there, and the folder is gone */
export function removeOwn(folder: string): boolean {
  const names = readdirSync(folder);
  const own = names.filter((name) => isCheckpointFile(name) || isLogFile(name));
  for (const name of own) rmSync(join(folder, name));
  if (own.length < names.length) return false;
  rmdirSync(folder);
  return true;
}

const isLogFile = (name: string): boolean => /^(coordinator|worker-\d+)\.log$/.test(name);

/** Removes a checkpoint that is one too many; only ever a folder named as one. */
export function removeCheckpoint(folder: string): void {
  if (checkpointStep(folder.split(/[\\/]/).at(-1) ?? '') === undefined || !existsSync(folder))
    return;
  orTransient(folder, () => removeOwn(folder));
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
