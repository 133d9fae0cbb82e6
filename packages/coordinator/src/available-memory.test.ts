import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { availableMemoryBytes } from './available-memory.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'memory-'));
  write('proc/meminfo', 'MemTotal:  16777216 kB\nMemAvailable:    8388608 kB\n');
});
afterEach(() => rmSync(root, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

const gibibyte = 2 ** 30;

describe('availableMemoryBytes', () => {
  it('is what the kernel calls available, where no group limits it', () => {
    expect(availableMemoryBytes(root)).toBe(8 * gibibyte);
    write('proc/self/cgroup', '0::/user.slice\n');
    write('sys/fs/cgroup/user.slice/memory.max', 'max\n');
    write('sys/fs/cgroup/user.slice/memory.current', '123\n');
    expect(availableMemoryBytes(root)).toBe(8 * gibibyte);
    expect(availableMemoryBytes(join(root, 'nowhere'))).toBeCloseTo(freemem(), -10);
  });

  it('is what the tightest group of version 2 leaves, its page cache counted as free', () => {
    write('proc/self/cgroup', '0::/a/b\n');
    write('sys/fs/cgroup/a/memory.max', `${4 * gibibyte}\n`);
    write('sys/fs/cgroup/a/memory.current', `${3 * gibibyte}\n`);
    write('sys/fs/cgroup/a/memory.stat', `anon 7\nactive_file ${gibibyte}\ninactive_file 5\n`);
    write('sys/fs/cgroup/a/b/memory.max', `${6 * gibibyte}\n`);
    write('sys/fs/cgroup/a/b/memory.current', `${gibibyte}\n`);
    expect(availableMemoryBytes(root)).toBe(2 * gibibyte + 5);
  });

  it('reads groups of version 1, whose missing limit is a huge number', () => {
    write('proc/self/cgroup', '4:memory:/docker/x\n0::/\n');
    const group = 'sys/fs/cgroup/memory/docker/x';
    write(`${group}/memory.limit_in_bytes`, `${2 * gibibyte}\n`);
    write(`${group}/memory.usage_in_bytes`, `${gibibyte}\n`);
    write('sys/fs/cgroup/memory/memory.limit_in_bytes', '9223372036854771712\n');
    write('sys/fs/cgroup/memory/memory.usage_in_bytes', '99\n');
    expect(availableMemoryBytes(root)).toBe(gibibyte);
  });
});
