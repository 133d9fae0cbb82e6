/** A tensor on a device. */
import { assert } from '@microtune/shared';
import koffi from 'koffi';
import type { DType, HostBuffer } from '../../graph-types.js';
import type { Pointer } from './c-api.js';
import { fixedBytes } from '@microtune/shared/native';
import type { PjrtPlugin } from './plugin.js';

/** PJRT_Buffer_Type. A bool takes one byte, 0 or 1, as in a HostBuffer. */
export const bufferTypes: Readonly<Record<DType, number>> = { bool: 1, int32: 4, float32: 11 };

/**
 * PJRT_HostBufferSemantics: how long the host's memory must stay and stay the same.
 * - `during-call`: it is copied before the call returns.
 * - `until-transferred`: until the event `transferred`.
 * - `alias`: as long as the buffer lives; on a CPU the buffer is that memory, if it is aligned to 64 bytes.
 * - `alias-writable`: the same, and a program that the buffer is donated to may write its result there.
 */
export const hostSemantics = {
  'during-call': 0,
  'until-transferred': 1,
  alias: 2,
  'alias-writable': 3,
} as const;
export type HostSemantics = keyof typeof hostSemantics;

export class PjrtBuffer {
  readonly #plugin: PjrtPlugin;
  #handle: Pointer | undefined;

  constructor(plugin: PjrtPlugin, handle: Pointer) {
    this.#plugin = plugin;
    this.#handle = handle;
  }

  /** The native object. @throws MicrotuneError `internal` after destroy */
  get handle(): Pointer {
    assert(this.#handle !== undefined, 'a destroyed device buffer was used');
    return this.#handle;
  }

  /** Starts copying to host memory, which must stay until the event given back settles. */
  startRead(destination: HostBuffer): Pointer {
    const bytes = fixedBytes(destination);
    const { event } = this.#plugin.call('Buffer_ToHostBuffer', {
      buffer: this.handle,
      destination: bytes,
      destinationSize: bytes.byteLength,
    });
    return event as Pointer;
  }

  /** Copies to host memory. @throws PjrtError what computing or copying it failed with */
  async read(destination: HostBuffer): Promise<void> {
    await this.#plugin.settle(this.startRead(destination));
  }

  /** Copies some bytes to host memory, from `offset` on, as many as it takes. @throws PjrtError */
  async readRange(offset: number, destination: HostBuffer): Promise<void> {
    const bytes = fixedBytes(destination);
    const { event } = this.#plugin.call('Buffer_CopyRawToHost', {
      buffer: this.handle,
      destination: bytes,
      offset,
      transferSize: bytes.byteLength,
    });
    await this.#plugin.settle(event as Pointer);
  }

  /** Waits until the contents are there. @throws PjrtError what computing them failed with */
  async ready(): Promise<void> {
    const { event } = this.#plugin.call('Buffer_ReadyEvent', { buffer: this.handle });
    await this.#plugin.settle(event as Pointer);
  }

  /** Where the contents are in the device's memory. */
  address(): bigint {
    const { address } = this.#plugin.call('Buffer_OpaqueDeviceMemoryDataPointer', {
      buffer: this.handle,
    });
    return address === null ? 0n : koffi.address(address);
  }

  /** Whether a program took the contents over (donation). */
  isDeleted(): boolean {
    return this.#plugin.call('Buffer_IsDeleted', { buffer: this.handle }).isDeleted;
  }

  /** Frees the object, and the memory unless another object holds it. Does nothing the second time. */
  destroy(): void {
    if (this.#handle === undefined) return;
    this.#plugin.call('Buffer_Destroy', { buffer: this.#handle });
    this.#handle = undefined;
  }
}
