/** Host buffers into the addon's tensors and back, for one run of a session. */
import { assert } from '@microtune/shared';
import { bufferFits } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import { borderTypes } from './binding.js';
import type { TensorflowBinding } from './binding.js';

/** The caller's buffer for a tensor. @throws MicrotuneError `internal` when it is missing or of another size */
export function bufferOf(
  { name, shape, dtype }: TensorSpec,
  buffers: Readonly<Record<string, HostBuffer>>,
): HostBuffer {
  const buffer = buffers[name];
  const wanted = `${dtype} [${shape.join(', ')}] of "${name}"`;
  assert(buffer !== undefined, `no buffer was given for ${wanted}`);
  const given = `${buffer.constructor.name} of ${String(buffer.length)} values`;
  assert(bufferFits(buffer, shape, dtype), `a ${given} was given for ${wanted}`);
  return buffer;
}

export interface SessionRun {
  readonly session: number;
  readonly inputs: readonly TensorSpec[];
  /** In the order of `inputs`. */
  readonly buffers: readonly HostBuffer[];
  readonly floatsAsInt32: boolean;
  /** Node names, joined by commas. */
  readonly feeds: string;
  readonly fetches: string;
}

/**
 * Runs a session and gives copies of what was fetched; the buffers are free again when it returns.
 * @throws whatever the addon throws; the tensors of a failed run are lost
 */
export function runSession(binding: TensorflowBinding, run: SessionRun): HostBuffer[] {
  const fed: number[] = [];
  try {
    run.inputs.forEach(({ shape, dtype }, index) => {
      const buffer = run.buffers[index]!;
      const bits = run.floatsAsInt32 && buffer instanceof Float32Array;
      const type = borderTypes[bits ? 'int32' : dtype];
      fed.push(binding.createTensor([...shape], type, bits ? asInt32(buffer) : buffer));
    });
    const results = binding.runSavedModel(run.session, fed, run.feeds, run.fetches);
    return results.map(({ id }) => {
      const values = binding.tensorDataSync(id);
      binding.deleteTensor(id);
      return values;
    });
  } finally {
    // Until here the tensors may share the caller's memory.
    for (const id of fed) binding.deleteTensor(id);
  }
}

function asInt32({ buffer, byteOffset, length }: Float32Array): Int32Array {
  return new Int32Array(buffer, byteOffset, length);
}
