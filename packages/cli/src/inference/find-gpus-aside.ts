/**
 * The GPUs of this machine, asked by a process of its own: asking the driver starts CUDA, and a process in which CUDA has
 * started can no longer be given one card (CUDA_VISIBLE_DEVICES is read once).
 */
import type { GpuFindings } from '@microtune/engine';
import { runProcess } from '@microtune/engine/process-runner';
import { MicrotuneError } from '@microtune/shared';

export async function findGpusAside(): Promise<GpuFindings> {
  const file = JSON.stringify(import.meta.resolve('@microtune/engine/find-gpus'));
  const script = `import { findGpus } from ${file}; console.log(JSON.stringify(findGpus(process.env)));`;
  const result = await runProcess(process.execPath, ['--input-type=module', '--eval', script]);
  if (result.exitCode === 0) return JSON.parse(result.stdout) as GpuFindings;
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  throw new MicrotuneError(
    'usage',
    `the process that asks for GPUs ended with code ${String(result.exitCode)}: ${said}`,
  );
}
