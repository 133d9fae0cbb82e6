/** Whether the driver of an NVIDIA card runs here: a look at files, no library is loaded. */
import { existsSync } from 'node:fs';

/** The driver's control file, under Linux and under WSL. */
const controlFiles = ['/dev/nvidiactl', '/dev/dxg'];

export function hasNvidiaCard(): boolean {
  return controlFiles.some((file) => existsSync(file));
}
