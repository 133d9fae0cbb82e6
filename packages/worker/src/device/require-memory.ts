/** Whether a program fits the device, before it is run: an allocation that fails ends the worker. */
import { howToNeedLess } from '@microtune/engine';
import { MicrotuneError } from '@microtune/shared';

export interface MemoryNeed {
  /** What is to be run, in plain words. */
  readonly what: string;
  readonly needBytes: number;
  /** Undefined where the engine keeps no account: then nothing is refused. */
  readonly freeBytes: number | undefined;
}

/** @throws MicrotuneError `usage` with both numbers and what to lower */
export function requireMemory({ what, needBytes, freeBytes }: MemoryNeed): void {
  if (freeBytes === undefined || needBytes <= freeBytes) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  throw new MicrotuneError(
    'usage',
    `${what} needs ${gigabytes(needBytes)} of the device's memory beside parameters and moments, and ` +
      `${gigabytes(freeBytes)} are free. ${howToNeedLess}`,
  );
}
