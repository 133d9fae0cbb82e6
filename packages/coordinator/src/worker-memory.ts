/**
 * How glibc manages a worker's memory, by engine; other C libraries ignore these variables. Measured on SST-2 with
 * MiniLM, sum of all processes.
 * - onnx hands out fresh arrays for every output. Kept memory saves faulting in their pages again: 100 MB cost 12 ms
 *   instead of 45.
 * - openvino writes into our own buffers, but its compiler leaves garbage in a malloc arena per thread. One arena, and
 *   large blocks given back at once, take 1.6 instead of 2.0 GB with one worker, 2.4 instead of 3.0 with two. "Large"
 *   begins just above a frame of the all-reduce (1 MiB): frames mapped and unmapped one by one made it twice as slow
 *   (64 MiB: 69 instead of 35 ms).
 * - xla maps and unmaps what a run needs in between: kept, a step takes 300 instead of 400 ms, and 1.7 instead of 1.1 GB.
 * - tensorflow has an allocator of its own: no difference.
 */
import type { ResolvedConfig } from '@microtune/shared';

type Variables = Readonly<Record<string, string | undefined>>;

const keptMemory = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '100000000000' };

const settings: Readonly<Record<ResolvedConfig['engine'], Variables>> = {
  onnx: keptMemory,
  openvino: {
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_MAX_: undefined,
    MALLOC_MMAP_THRESHOLD_: '1200000',
    MALLOC_TRIM_THRESHOLD_: '8000000',
  },
  tensorflow: {},
  xla: keptMemory,
  reference: {},
};

/** The environment of a worker with memory set for its engine. */
export function withMemorySettings(
  environment: Variables,
  engine: ResolvedConfig['engine'],
): Variables {
  return { ...environment, ...settings[engine] };
}
