/** The files of a run folder that the coordinator writes: configuration, metrics, events, summary. */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import {
  MicrotuneError,
  checkpointStep,
  diskErrorText,
  makeFolder,
  optionName,
  type ResolvedConfig,
  type RunFolder,
} from '@microtune/shared';
import { stringify } from 'yaml';
import { listCheckpoints } from './list-checkpoints.js';

/** Appends one JSON object per line. Every line is in the file before the call returns. */
export interface LineFile {
  write(line: object): void;
  close(): void;
}

/**
 * Makes the run folder fit for a new run, or for going on with one. What an earlier run computed stays until
 * `removeEarlierRun`: the new one may yet fail on a mistyped data file.
 * @throws MicrotuneError `usage` when an earlier run would be lost, `transient` when the folder cannot be written
 */
export function prepareRunFolder(
  folder: RunFolder,
  { resuming, overwrite }: { resuming: boolean; overwrite: boolean },
): void {
  if (!resuming && !overwrite) refuseEarlierRun(folder);
  orTransient(folder.root, () => {
    if (!resuming) rmSync(folder.events, { force: true });
    rmSync(folder.summary, { force: true });
  });
}

/** Checkpoints and metrics of a run that is overwritten, once the new one is about to train. */
export function removeEarlierRun(folder: RunFolder): void {
  orTransient(folder.root, () => {
    for (const checkpoint of listCheckpoints(folder.root)) rmSync(checkpoint, { recursive: true });
    rmSync(folder.best, { recursive: true, force: true });
    // Emptied, not removed: it is open by now.
    if (existsSync(folder.metrics)) truncateSync(folder.metrics);
  });
}

/** @throws MicrotuneError `usage` when the folder holds a finished run, or checkpoints of another, naming the ways out */
export function refuseEarlierRun(folder: RunFolder): void {
  const ways = 'choose another --output_dir, or allow it with --overwrite_output_dir';
  if (statusOf(folder.summary) === 'completed') {
    throw new MicrotuneError('usage', `output_dir: ${folder.root} holds a finished run: ${ways}`);
  }
  const newest = listCheckpoints(folder.root).at(-1);
  if (newest === undefined) return;
  throw new MicrotuneError(
    'usage',
    `output_dir: ${folder.root} holds checkpoints of an earlier run: ` +
      `go on from ${newest} with --resume_from_checkpoint true, ${ways}`,
  );
}

function statusOf(summary: string): string | undefined {
  if (!existsSync(summary)) return undefined;
  try {
    return String((JSON.parse(readFileSync(summary, 'utf8')) as { status?: unknown }).status);
  } catch {
    // A summary cut short is not one of a finished run.
    return undefined;
  }
}

/** config.resolved.yaml: keys as options are written, so the file can be given to `train` again. */
export function writeConfig(file: string, config: ResolvedConfig): void {
  const entries = Object.entries(config).filter(([, value]) => value !== undefined);
  const text = stringify(
    Object.fromEntries(entries.map(([key, value]) => [optionName(key), value])),
  );
  orTransient(file, () => writeFileSync(file, text));
}

/** Written aside and renamed, so that readers see the old summary or the whole new one. */
export function writeJsonFile(file: string, content: object): void {
  const aside = `${file}.tmp`;
  try {
    orTransient(file, () => {
      writeFileSync(aside, `${JSON.stringify(content, undefined, 2)}\n`);
      renameSync(aside, file);
    });
  } finally {
    rmSync(aside, { force: true });
  }
}

export function openLineFile(file: string): LineFile {
  const descriptor = orTransient(file, () => {
    makeFolder(dirname(file));
    return openSync(file, 'a');
  });
  return {
    write: (line) => orTransient(file, () => writeSync(descriptor, `${JSON.stringify(line)}\n`)),
    close: () => closeSync(descriptor),
  };
}

/** Drops lines about steps after `step`: a resumed run writes them anew. */
export function truncateLines(file: string, step: number): void {
  if (!existsSync(file)) return;
  const kept = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && stepOfLine(line) <= step);
  orTransient(file, () => writeFileSync(file, kept.map((line) => `${line}\n`).join('')));
}

function stepOfLine(line: string): number {
  try {
    return Number((JSON.parse(line) as { step?: unknown }).step ?? 0);
  } catch {
    // The last line of a killed run may be cut short.
    return Infinity;
  }
}

/** Removes a checkpoint that is one too many; only ever a folder named as one. */
export function removeCheckpoint(folder: string): void {
  if (checkpointStep(folder.split(/[\\/]/).at(-1) ?? '') === undefined) return;
  orTransient(folder, () => rmSync(folder, { recursive: true, force: true }));
}

function orTransient<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new MicrotuneError('transient', `cannot write ${path}: ${diskErrorText(error)}`, {
      cause: error,
    });
  }
}
