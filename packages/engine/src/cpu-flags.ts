/** What the CPU says of itself, where the operating system tells (Linux). */
import { readFileSync } from 'node:fs';

/** Flags that decide which engine kernels run, as /proc/cpuinfo spells them. */
export const telltaleFlags = [
  'avx2',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'amx_tile',
  'amx_bf16',
  'amx_int8',
] as const;

/** All flags of the first core, or undefined where there is no /proc/cpuinfo or it has no flags. */
export function cpuFlags(file = '/proc/cpuinfo'): ReadonlySet<string> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  // x86 calls them flags, ARM calls them Features.
  const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1];
  return line === undefined ? undefined : new Set(line.trim().split(/\s+/));
}

/** Whether the CPU multiplies bfloat16 itself; undefined where the flags are not known. */
export function bf16InHardware(flags: ReadonlySet<string> | undefined): boolean | undefined {
  if (flags === undefined) return undefined;
  return ['avx512_bf16', 'amx_bf16', 'bf16'].some((flag) => flags.has(flag));
}
