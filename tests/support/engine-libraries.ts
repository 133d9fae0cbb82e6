/** Engine libraries for whole commands: set up once for all tests, seen from each job's own cache folder. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { env as environment } from 'node:process';
import { testTensorflow } from '../../packages/engine/src/setup/tensorflow-test-addon.js';
import { testCacheFolder, testLibraries } from '../../packages/engine/src/setup/test-libraries.js';
import { testXlaPlugin } from '../../packages/engine/src/setup/xla-test-plugin.js';
import type { TinyJob } from './tiny-job.js';

const setups = {
  openvino: testLibraries,
  tensorflow: testTensorflow,
  xla: () => testXlaPlugin(environment),
};
export type LibraryEngine = keyof typeof setups;

/** Sets engines up. @returns why one cannot be had here, undefined when all are there */
export async function whyNot(engines: readonly LibraryEngine[]): Promise<string | undefined> {
  for (const engine of engines) {
    const { skipReason } = await setups[engine]();
    if (skipReason !== undefined) return skipReason;
  }
  return undefined;
}

/** Lets `startTraining` find the engines that were set up. */
export function useLibraries(job: TinyJob, engines: readonly LibraryEngine[]): void {
  const cache = join(job.root, 'cache');
  mkdirSync(cache, { recursive: true });
  for (const engine of engines) symlinkSync(join(testCacheFolder, engine), join(cache, engine));
}
