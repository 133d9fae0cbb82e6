import { messageOf } from './errors.js';

/** What to do about errors that say there is no room; the others say enough by themselves. */
const remedies: Readonly<Record<string, string>> = {
  ENOSPC: 'free space on that disk, or write to another',
  EDQUOT: 'free space within your quota, or write to another disk',
  EFBIG: "the process's limit of file size (ulimit -f) is too low",
};

/** The message of a file that could not be written, with what to do when the disk is full. */
export function diskErrorText(error: unknown): string {
  const remedy = remedies[(error as NodeJS.ErrnoException | undefined)?.code ?? ''];
  return remedy === undefined ? messageOf(error) : `${messageOf(error)}: ${remedy}`;
}
