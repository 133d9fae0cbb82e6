/**
 * Memory that a run can take on this machine: what the kernel calls available, or what the control groups around this
 * process still allow, whichever is less. Files in the page cache count as free, in both: the kernel drops them when asked.
 * Sources: /proc/meminfo (proc(5)), memory.max and memory.stat (cgroup v2), memory.limit_in_bytes (cgroup v1).
 */
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';

/** @param root where /proc and /sys are; another one in tests */
export function availableMemoryBytes(root = '/'): number {
  const text = read(join(root, 'proc/meminfo'));
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text ?? '')?.[1];
  const machine = kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
  return Math.max(0, Math.min(machine, ...groupsLeft(root)));
}

/** What each limit above this process leaves. */
function groupsLeft(root: string): number[] {
  const lines = (read(join(root, 'proc/self/cgroup')) ?? '').split('\n');
  return lines.flatMap((line) => {
    const [, controllers = '', path = '/'] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') return leftAlong(join(root, 'sys/fs/cgroup'), path, version2);
    if (!controllers.split(',').includes('memory')) return [];
    return leftAlong(join(root, 'sys/fs/cgroup/memory'), path, version1);
  });
}

interface GroupFiles {
  readonly limit: string;
  readonly usage: string;
  /** In memory.stat: page cache. */
  readonly cached: RegExp;
}

const version2: GroupFiles = {
  limit: 'memory.max',
  usage: 'memory.current',
  cached: /^(?:in)?active_file (\d+)$/gm,
};
const version1: GroupFiles = {
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  cached: /^total_(?:in)?active_file (\d+)$/gm,
};

/** Of the group and all above it; in a container the mount shows the innermost alone. */
function leftAlong(mount: string, path: string, files: GroupFiles): number[] {
  const left: number[] = [];
  for (let folder = path; ; folder = dirname(folder)) {
    const group = join(mount, folder);
    const limit = Number(read(join(group, files.limit)) ?? NaN);
    const usage = Number(read(join(group, files.usage)) ?? NaN);
    // "max", or a missing file, is no limit.
    if (Number.isFinite(limit) && Number.isFinite(usage)) {
      const stat = read(join(group, 'memory.stat')) ?? '';
      const cached = [...stat.matchAll(files.cached)].reduce((sum, [, n]) => sum + Number(n), 0);
      left.push(limit - usage + cached);
    }
    if (folder === dirname(folder)) return left;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
