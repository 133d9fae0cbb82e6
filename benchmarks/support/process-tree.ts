/** Memory of a process and all its descendants, sampled from /proc while it runs. */
import { readdirSync, readFileSync } from 'node:fs';

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process ended between listing and reading
  }
}

/** Process ids of `root` and everything below it. */
function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(/\) \S (\d+)/.exec(read(`/proc/${entry}/stat`))?.[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** Proportional set size in bytes: memory shared by n processes counts 1/n in each. */
function proportionalBytes(pid: number): number {
  const kib = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  return Number(kib ?? 0) * 1024;
}

/** Samples the tree's memory every `intervalMs` until `stop()`, which returns the peak in bytes. */
export function watchMemory(root: number, intervalMs = 3000): { stop(): number } {
  let peakBytes = 0;
  const timer = setInterval(() => {
    const total = processTree(root).reduce((sum, pid) => sum + proportionalBytes(pid), 0);
    peakBytes = Math.max(peakBytes, total);
  }, intervalMs);
  return {
    stop: () => {
      clearInterval(timer);
      return peakBytes;
    },
  };
}
