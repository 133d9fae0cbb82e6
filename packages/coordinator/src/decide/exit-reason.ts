/** What the end of a worker process means, in words: its own last ones, or what they stand for. */
import type { RunEvent } from './run-state.js';

type Exit = Extract<RunEvent, { type: 'exited' }>;

export function exitReason({ code, signal, stderr }: Exit): string {
  if (/heap out of memory|Reached heap limit/.test(stderr)) return heapIsFull;
  const how =
    signal === undefined ? `exited with code ${code ?? 'unknown'}` : `was killed by ${signal}`;
  const hint =
    signal === 'SIGKILL' ? ' (if nobody did that, the system ran out of memory: see dmesg)' : '';
  const lastWords = stderr.trim();
  return `${how}${hint}${lastWords === '' ? '' : `; its last lines: ${lastWords}`}`;
}

const heapIsFull =
  'out of memory: the heap of JavaScript was full, where the rows of the data and the plan of an epoch are. ' +
  'Give each worker more, e.g. NODE_OPTIONS=--max-old-space-size=8192 (MiB), or take fewer rows (max_train_samples)';
