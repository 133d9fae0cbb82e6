/** How fast runs were on this machine, kept in the cache folder: a file for each engine, precision, device, workers and threads. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import type { ResolvedConfig } from '@microtune/shared';
import { z } from 'zod';
import { isOf, type RunSpeed } from './expected-time.js';

/** Raised when what is measured changes: earlier files then count no more. */
const speedVersion = 1;
/** Models remembered of one place, newest first. */
const mostModels = 20;

const positive = z.number().positive();
const fileSchema = z.array(
  z.object({
    model: z.object({
      parameterCount: positive,
      trainedCount: positive,
      denseCount: positive,
      layersWidth: positive,
    }),
    startSeconds: z.number().nonnegative(),
    fixedSeconds: z.number().nonnegative(),
    flopsPerSecond: positive,
  }),
);

type Place = Pick<
  ResolvedConfig,
  'engine' | 'bf16' | 'tf32' | 'workers' | 'threadsPerWorker' | 'devices'
>;

export interface SpeedPlace {
  readonly cacheFolder: string;
  readonly config: Place;
  /** Name of the card; undefined on a CPU. */
  readonly card: string | undefined;
}

/** Newest first; none where nothing is known, or the file is damaged. */
export function rememberedSpeeds(place: SpeedPlace): RunSpeed[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(fileOf(place), 'utf8')));
  } catch {
    return [];
  }
}

/** In the place of what was known of the same model. A cache that cannot be written is left alone: only a time will be unknown. */
export function rememberSpeed(place: SpeedPlace, speed: RunSpeed): void {
  const others = rememberedSpeeds(place).filter((each) => !isOf(speed.model, each));
  const text = `${JSON.stringify([speed, ...others].slice(0, mostModels), undefined, 2)}\n`;
  const file = fileOf(place);
  try {
    mkdirSync(dirname(file), { recursive: true });
    // Whole or not at all: several runs may end at once.
    const aside = `${file}.${randomUUID()}`;
    writeFileSync(aside, text);
    renameSync(aside, file);
  } catch {
    return;
  }
}

function fileOf({ cacheFolder, config, card }: SpeedPlace): string {
  const { engine, bf16, tf32, workers, threadsPerWorker, devices } = config;
  const processor = card ?? cpus()[0]?.model ?? 'unknown';
  const parts = { bf16, tf32, workers, threadsPerWorker, devices: devices.length, processor };
  const key = createHash('sha256').update(JSON.stringify([speedVersion, engine, parts]));
  return join(cacheFolder, 'speeds', `${engine}-${key.digest('hex').slice(0, 16)}.json`);
}
