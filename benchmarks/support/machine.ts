/** What a speed figure must name: processor, features that decide speed, versions, commit. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGib: number;
  features: string[];
  node: string;
  commit: string;
}

const interestingFeatures = ['avx2', 'avx512f', 'avx512_bf16', 'amx_bf16'];

export function describeMachine(): Machine {
  const flags = new Set(
    /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' '),
  );
  return {
    cpu: (cpus()[0]?.model ?? 'unknown').trim(),
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    features: interestingFeatures.filter((feature) => flags.has(feature)),
    node: process.version,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  };
}
