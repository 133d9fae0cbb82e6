/** The command line and environment of a worker process on this machine. */
import type { WorkerCommand } from '@microtune/coordinator';
import { commandFile } from '../own-files.js';

export interface WorkerPlace {
  readonly rank: number;
  /** Control address of the coordinator. */
  readonly endpoint: string;
  readonly runId: string;
  readonly cacheFolder: string;
  readonly env: WorkerCommand['env'];
}

/**
 * Received frames count as external memory, and V8 answers tens of megabytes a step with full collections of a small
 * heap; a first old space of this size keeps collections young (packages/collective/src/frame-memory.ts).
 */
const nodeOptions = ['--initial-old-space-size=256'];

/** `microtune worker …` with this process's Node. */
export function workerCommand({
  rank,
  endpoint,
  runId,
  cacheFolder,
  env,
}: WorkerPlace): WorkerCommand {
  const options = {
    coordinator: endpoint,
    rank: String(rank),
    run_id: runId,
    cache_folder: cacheFolder,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return {
    command: [process.execPath, ...nodeOptions, commandFile, 'worker', ...args],
    env,
  };
}
