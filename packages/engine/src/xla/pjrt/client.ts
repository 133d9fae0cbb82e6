/**
 * A client: the connection to a platform's devices. It makes buffers and executables, which must be destroyed before
 * it (destroy checks nothing: the owner, xla-engine.ts, keeps the order).
 */
import { MicrotuneError, assert } from '@microtune/shared';
import koffi from 'koffi';
import type { DType, HostBuffer, Shape } from '../../graph-types.js';
import { PjrtBuffer, bufferTypes, hostSemantics } from './buffer.js';
import type { HostSemantics } from './buffer.js';
import { record } from './c-api.js';
import type { Pointer } from './c-api.js';
import { encodeCompileOptions } from './compile-options.js';
import type { PjrtCompileOptions } from './compile-options.js';
import { describeDevice } from './device.js';
import type { PjrtDevice } from './device.js';
import { PjrtExecutable } from './executable.js';
import { fixedBytes } from '@microtune/shared/native';
import { encodeNamedValues } from './named-values.js';
import type { NamedValues } from './named-values.js';
import type { PjrtPlugin } from './plugin.js';

export interface HostTensor {
  readonly data: HostBuffer;
  readonly shape: Shape;
  readonly dtype: DType;
}

export interface Upload {
  readonly buffer: PjrtBuffer;
  /** Settles when the host's memory is free again; with `alias`, not before the buffer is destroyed. */
  readonly transferred: Pointer;
}

const utf8 = new TextEncoder();
const mlir = utf8.encode('mlir');

export class PjrtClient {
  readonly plugin: PjrtPlugin;
  /** e.g. `cpu`, `cuda`. */
  readonly platform: string;
  /** Whatever the platform says of itself, several lines on some. */
  readonly platformVersion: string;
  /** Those this process can use, at least one. */
  readonly devices: readonly PjrtDevice[];
  readonly #handle: Pointer;

  /**
   * @param options named values that the plugin knows, e.g. `preallocate` on CUDA
   * @throws PjrtError when the plugin refuses: no driver, no device, an unknown option
   */
  constructor(plugin: PjrtPlugin, options: NamedValues) {
    const structs = encodeNamedValues(options);
    const created = plugin.call('Client_Create', { options: structs, numOptions: structs.length });
    this.plugin = plugin;
    this.#handle = created.client as Pointer;
    const name = plugin.call('Client_PlatformName', { client: this.#handle });
    this.platform = plugin.text(name.name, name.nameSize);
    const version = plugin.call('Client_PlatformVersion', { client: this.#handle });
    this.platformVersion = plugin.text(version.version, version.versionSize);
    this.devices = this.#devices();
    if (this.devices.length === 0)
      throw new MicrotuneError('usage', `${plugin.file} has no device here`);
  }

  /** Compiles StableHLO text. @throws PjrtError with the place in the text that the plugin refuses */
  async compile(program: string, options: PjrtCompileOptions): Promise<PjrtExecutable> {
    const code = utf8.encode(program);
    const encoded = encodeCompileOptions(options);
    const { executable } = await this.plugin.callAside('Client_Compile', {
      client: this.#handle,
      program: record('program', {
        code,
        codeSize: code.length,
        format: mlir,
        formatSize: mlir.length,
      }),
      options: encoded,
      optionsSize: encoded.length,
    });
    return new PjrtExecutable(this.plugin, executable as Pointer);
  }

  /** Loads what PjrtExecutable.serialize gave, on the same plugin and kind of device. @throws PjrtError */
  async deserialize(bytes: Uint8Array): Promise<PjrtExecutable> {
    const { executable } = await this.plugin.callAside('Executable_DeserializeAndLoad', {
      client: this.#handle,
      bytes: fixedBytes(bytes),
      bytesSize: bytes.length,
    });
    return new PjrtExecutable(this.plugin, executable as Pointer);
  }

  /** Starts copying a tensor to a device, or gives the device its memory. See `hostSemantics`. */
  upload({ data, shape, dtype }: HostTensor, device: PjrtDevice, semantics: HostSemantics): Upload {
    const { buffer, doneWithHostBuffer } = this.plugin.call('Client_BufferFromHostBuffer', {
      client: this.#handle,
      data: fixedBytes(data),
      type: bufferTypes[dtype],
      dims: BigInt64Array.from(shape, BigInt),
      numDims: shape.length,
      semantics: hostSemantics[semantics],
      device: device.handle,
    });
    assert(buffer !== null && doneWithHostBuffer !== null, 'PJRT gave no buffer');
    return {
      buffer: new PjrtBuffer(this.plugin, buffer as Pointer),
      transferred: doneWithHostBuffer as Pointer,
    };
  }

  destroy(): void {
    this.plugin.call('Client_Destroy', { client: this.#handle });
  }

  #devices(): PjrtDevice[] {
    const { devices, numDevices } = this.plugin.call('Client_AddressableDevices', {
      client: this.#handle,
    });
    return Array.from({ length: Number(numDevices) }, (_, i) =>
      describeDevice(this.plugin, koffi.decode(devices, 8 * i, 'void *') as Pointer),
    );
  }
}
