/**
 * One run per output folder, among processes and among calls of one process. The lock is the kernel's (flock), so it ends with its
 * holder; the file only says who that is. It is removed by its holder, which a newcomer notices by looking whether what it locked is
 * still what has the name.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readFileSync,
  rmSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { MicrotuneError, diskErrorText, makeFolder } from '@microtune/shared';
import { z } from 'zod';

const lockName = '.microtune.lock';
const holderSchema = z.object({ pid: z.number(), host: z.string() });

export interface RunLock extends Disposable {
  /** Why others are not kept out, where the file system keeps no locks. */
  readonly note: string | undefined;
  /** Unlocks, and removes the folders that were made for it and hold nothing. */
  [Symbol.dispose](): void;
}

/**
 * @param outputDir made if it is missing
 * @param option that names it, for messages
 * @throws MicrotuneError `usage` while another run has the folder, `transient` when it cannot be written
 */
export async function lockRunFolder(outputDir: string, option = 'output_dir'): Promise<RunLock> {
  const { lockFile } = await import('@microtune/shared/file-lock');
  const root = resolve(outputDir);
  const file = join(root, lockName);
  const made = missingFolders(root);
  try {
    makeFolder(root);
    for (;;) {
      const descriptor = openLock(file);
      const result = lockFile(descriptor);
      if (result === 'held') {
        closeSync(descriptor);
        throw taken(outputDir, file, option);
      }
      if (!isAt(descriptor, file)) {
        closeSync(descriptor);
        continue;
      }
      const release = (): void => {
        // Before the lock ends: afterwards the file may be another's.
        if (isAt(descriptor, file)) rmSync(file, { force: true });
        closeSync(descriptor);
        removeEmpty(made);
      };
      try {
        ftruncateSync(descriptor);
        writeSync(descriptor, JSON.stringify({ pid: process.pid, host: hostname() }));
      } catch (error) {
        release();
        throw error;
      }
      const note =
        result === 'locked'
          ? undefined
          : `${root} cannot be locked (${result.impossible}): nothing keeps a second run out of it`;
      return { note, [Symbol.dispose]: release };
    }
  } catch (error) {
    removeEmpty(made);
    if (error instanceof MicrotuneError) throw error;
    throw new MicrotuneError(
      'transient',
      `${option}: cannot write ${file}: ${diskErrorText(error)}`,
      { cause: error },
    );
  }
}

function openLock(file: string): number {
  // Never through a link that somebody put there.
  return openSync(file, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o644);
}

function isAt(descriptor: number, file: string): boolean {
  const [open, named] = [fstatSync(descriptor), lstatSync(file, { throwIfNoEntry: false })];
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

function taken(outputDir: string, file: string, option: string): MicrotuneError {
  const holder = holderOf(file);
  const who = holder === undefined ? 'another run' : `process ${holder.pid} on ${holder.host}`;
  return new MicrotuneError(
    'usage',
    `${option}: ${who} is writing into ${outputDir}: wait for it, or choose another --${option}`,
  );
}

function holderOf(file: string): z.infer<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    // Just locked, and not yet written.
    return undefined;
  }
}

/** The folder and those above it that are not there, deepest first. */
function missingFolders(folder: string): string[] {
  if (lstatSync(folder, { throwIfNoEntry: false }) !== undefined) return [];
  return [folder, ...missingFolders(dirname(folder))];
}

function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of folders) rmdirSync(folder);
  } catch {
    // Something is in it, so it stays, and what is above it does, too.
  }
}
