/** What this machine is, for `doctor` and the headings of benchmarks. */
import { arch, cpus, freemem, platform, release, totalmem } from 'node:os';
import { cpuFlags, telltaleFlags } from '@microtune/engine/cpu-flags';

export interface MachineDescription {
  readonly node: string;
  readonly system: string;
  readonly cpu: string;
  readonly cores: number;
  /** Of the flags that decide speed, those this CPU has; undefined where the system does not tell. */
  readonly cpuFlags: readonly string[] | undefined;
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
}

export function describeMachine(): MachineDescription {
  const flags = cpuFlags();
  const processors = cpus();
  return {
    node: process.versions.node,
    system: `${platform()} ${arch()} ${release()}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    cpuFlags: flags === undefined ? undefined : telltaleFlags.filter((flag) => flags.has(flag)),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
  };
}
