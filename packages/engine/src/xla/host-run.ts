/**
 * Running where device memory is host memory (XLA's CPU): inputs are read where they lie, and each output is written
 * straight to the caller's buffer, which goes in as a spare argument that the program takes over. XLA asks for 64-byte
 * alignment, which arena slots have; other inputs are copied by XLA, other outputs pass through memory of ours.
 */
import { MicrotuneError } from '@microtune/shared';
import { hostBuffer } from '../graph/shape.js';
import type { HostBuffer, TensorSpec } from '../graph-types.js';
import type { PjrtBuffer } from './pjrt/buffer.js';
import { addressOf } from '@microtune/shared/native';
import type { CompiledProgram } from './xla-compiler.js';

const alignment = 64n;

export interface Bound {
  readonly spec: TensorSpec;
  readonly data: HostBuffer;
}

/** An output's memory: the caller's, or a stand-in that is copied afterwards. */
interface Place {
  readonly bound: Bound;
  readonly memory: HostBuffer;
  readonly address: bigint;
}

export class HostRun {
  readonly #program: CompiledProgram;
  readonly #standIns = new Map<string, HostBuffer>();

  constructor(program: CompiledProgram) {
    this.#program = program;
  }

  async run(inputs: readonly Bound[], outputs: readonly Bound[]): Promise<void> {
    const { client, executable } = this.#program;
    const places = outputs.map((bound) => this.#place(bound));
    const given: PjrtBuffer[] = [];
    let results: readonly PjrtBuffer[] = [];
    try {
      for (const { spec, data } of inputs) given.push(this.#argument(spec, data, 'alias'));
      for (const { bound, memory } of places)
        given.push(this.#argument(bound.spec, memory, 'alias-writable'));
      const launch = executable.launch(given);
      results = launch.outputs;
      await client.plugin.settle(launch.complete);
      for (const [i, place] of places.entries()) await collect(place, results[i]!);
    } finally {
      for (const buffer of [...results, ...given]) buffer.destroy();
    }
  }

  #argument(
    { shape, dtype }: TensorSpec,
    data: HostBuffer,
    aligned: 'alias' | 'alias-writable',
  ): PjrtBuffer {
    const { client, device } = this.#program;
    const semantics = addressOf(data) % alignment === 0n ? aligned : 'during-call';
    const { buffer, transferred } = client.upload({ data, shape, dtype }, device, semantics);
    client.plugin.call('Event_Destroy', { event: transferred });
    return buffer;
  }

  #place(bound: Bound): Place {
    const own = addressOf(bound.data);
    if (own % alignment === 0n) return { bound, memory: bound.data, address: own };
    const memory = this.#standIns.get(bound.spec.name) ?? alignedBuffer(bound.spec);
    this.#standIns.set(bound.spec.name, memory);
    return { bound, memory, address: addressOf(memory) };
  }
}

/** Where XLA did not write to the place it was given, its result is copied. */
async function collect({ bound, memory, address }: Place, result: PjrtBuffer): Promise<void> {
  if (result.address() !== address) await result.read(bound.data);
  else if (memory !== bound.data) bound.data.set(memory);
}

function alignedBuffer({ shape, dtype }: TensorSpec): HostBuffer {
  const loose = hostBuffer(shape, dtype);
  const room = new ArrayBuffer(loose.byteLength + Number(alignment));
  const past = Number(addressOf(new Uint8Array(room)) % alignment);
  const offset = past === 0 ? 0 : Number(alignment) - past;
  const count = loose.length;
  if (loose instanceof Float32Array) return new Float32Array(room, offset, count);
  if (loose instanceof Int32Array) return new Int32Array(room, offset, count);
  if (loose instanceof Uint8Array) return new Uint8Array(room, offset, count);
  throw new MicrotuneError('internal', `internal: no buffer type for ${dtype}`);
}
