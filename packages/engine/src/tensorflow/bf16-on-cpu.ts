import { bf16InHardware, cpuFlags } from '../cpu-flags.js';
import type { ProductPrecision } from './matmul-lowering.js';

/** The fastest form of bf16 on this CPU. */
export function bf16OnCpu(): ProductPrecision {
  return bf16InHardware(cpuFlags()) === false ? 'bf16 factors' : 'bf16';
}
