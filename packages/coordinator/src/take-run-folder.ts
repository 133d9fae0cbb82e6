import { recoverRunFolder } from './recover-run-folder.js';
import { lockRunFolder, type RunLock } from './run-lock.js';
import { recoverRunPlace } from './run-place.js';

/**
 * Makes a run folder this call's own: locked, and put right where a killed process has left it half changed.
 * @param outputDir checked with checkOutputFolder
 * @throws MicrotuneError `usage` while another run has it, `transient` when it cannot be written
 */
export async function takeRunFolder(outputDir: string): Promise<RunLock> {
  const lock = await lockRunFolder(outputDir);
  try {
    recoverRunFolder(outputDir);
    recoverRunPlace(outputDir);
    return lock;
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}
