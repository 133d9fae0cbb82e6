/**
 * Small results kept in the cache folder, a JSON file each, named by a hash of what they were made from. A file that is
 * missing, damaged or of another form reads as absent; one that cannot be written costs time and nothing else.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '@microtune/shared';
import type { z } from 'zod';

export interface KeptJson<Value> {
  /** What the value was made from, or undefined where there is nothing that is whole. */
  read(identity: readonly unknown[]): Value | undefined;
  write(identity: readonly unknown[], value: Value): void;
}

/** @param folder made when the first value is kept */
export function keptJson<Value>(folder: string, schema: z.ZodType<Value>): KeptJson<Value> {
  const fileOf = (identity: readonly unknown[]): string => {
    const key = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
    return join(folder, `${key}.json`);
  };
  return {
    read: (identity) => {
      try {
        return schema.parse(JSON.parse(readFileSync(fileOf(identity), 'utf8')));
      } catch {
        return undefined;
      }
    },
    write: (identity, value) => {
      const file = fileOf(identity);
      // Whole or not at all: several processes may write the same.
      const aside = `${file}.${randomUUID()}`;
      try {
        makeFolder(folder);
        writeFileSync(aside, JSON.stringify(value));
        renameSync(aside, file);
      } catch {
        removeIfThere(aside);
      }
    },
  };
}

/** Where a folder cannot be read, nothing was written either. */
function removeIfThere(file: string): void {
  try {
    rmSync(file);
  } catch {
    return;
  }
}
