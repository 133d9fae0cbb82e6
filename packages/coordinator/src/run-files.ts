/** The files of a run folder that the coordinator writes: configuration, metrics, events, summary. */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import {
  MicrotuneError,
  diskErrorText,
  makeFolder,
  optionName,
  type ResolvedConfig,
} from '@microtune/shared';
import { stringify } from 'yaml';

/** Appends one JSON object per line. Every line is in the file before the call returns. */
export interface LineFile {
  write(line: object): void;
  close(): void;
}

/** config.resolved.yaml: keys as options are written, so the file can be given to `train` again, without those of other tasks. */
export function writeConfig(file: string, config: ResolvedConfig): void {
  const { labelColumnName, ...others } = config;
  const said = config.task === 'causal-lm' ? others : { ...config, labelColumnName };
  const entries = Object.entries(said).filter(([, value]) => value !== undefined);
  const text = stringify(
    Object.fromEntries(entries.map(([key, value]) => [optionName(key), value])),
  );
  replaceFile(file, text);
}

export function writeJsonFile(file: string, content: object): void {
  replaceFile(file, `${JSON.stringify(content, undefined, 2)}\n`);
}

/** Written aside and renamed, so that readers see the old content or the whole new one. */
function replaceFile(file: string, text: string): void {
  const aside = `${file}.tmp`;
  try {
    orTransient(file, () => {
      writeFileSync(aside, text);
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
  replaceFile(file, kept.map((line) => `${line}\n`).join(''));
}

function stepOfLine(line: string): number {
  try {
    return Number((JSON.parse(line) as { step?: unknown }).step ?? 0);
  } catch {
    // The last line of a killed run may be cut short.
    return Infinity;
  }
}

/** @throws MicrotuneError `transient` naming the path and, for a full disk, the remedy, where `write` throws */
export function orTransient<T>(path: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new MicrotuneError('transient', `cannot write ${path}: ${diskErrorText(error)}`, {
      cause: error,
    });
  }
}
