/**
 * flock(2): a lock that belongs to an open file and is gone with it, however its process ends. Two opens of one file exclude each other,
 * in one process as in two. An entry of its own (`@microtune/shared/file-lock`), because it loads native code.
 */
import { lastError, loadLibrary } from './native.js';

/** LOCK_EX and LOCK_NB of sys/file.h. */
const exclusiveAtOnce = 2 | 4;

/**
 * @param descriptor of a file that is open for writing (NFS wants that), closed to unlock
 * @returns `held` when another open file has the lock; the name of the error where the file system or the platform keeps no locks
 */
export function lockFile(descriptor: number): 'locked' | 'held' | { readonly impossible: string } {
  let flock: (descriptor: number, operation: number) => number;
  try {
    flock = loadLibrary(null).func('int flock(int, int)');
  } catch {
    return { impossible: 'there is no flock here' };
  }
  for (;;) {
    if (flock(descriptor, exclusiveAtOnce) === 0) return 'locked';
    const error = lastError();
    if (error === 'EAGAIN' || error === 'EWOULDBLOCK') return 'held';
    if (error !== 'EINTR') return { impossible: error };
  }
}
