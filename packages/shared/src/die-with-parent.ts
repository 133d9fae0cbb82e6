/**
 * Lets this process end with the one that started it, also while it is inside a native call and hears nothing: Linux
 * kills it when the thread that started it is gone. Source: PR_SET_PDEATHSIG(2const).
 */
import { constants } from 'node:os';
import { loadLibrary } from './native.js';

const setParentDeathSignal = 1;

/** @returns false where the system has no such call: then other signs of the parent's end must do */
export function dieWithParent(): boolean {
  const parent = process.ppid;
  try {
    const prctl = loadLibrary(null).func('prctl', 'int', ['int', '...']) as (
      option: number,
      type: 'ulong',
      value: number,
    ) => number;
    if (prctl(setParentDeathSignal, 'ulong', constants.signals.SIGKILL) !== 0) return false;
  } catch {
    return false;
  }
  // It may have ended before it was asked for.
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  return true;
}
