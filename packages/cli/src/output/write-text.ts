import type { Writable } from 'node:stream';

/** Waits until the reader has taken the text. @returns false when nobody reads any more */
export async function writeText(output: Writable, text: string): Promise<boolean> {
  if (output.destroyed) return false;
  return new Promise((resolve) => output.write(text, (error) => resolve(!error)));
}
