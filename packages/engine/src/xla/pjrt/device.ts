/** A device of a client: what it is, and how full its memory is. */
import type { Arguments, Pointer } from './c-api.js';
import { decodeNamedValues } from './named-values.js';
import type { NamedValues } from './named-values.js';
import { PjrtError } from './pjrt-error.js';
import type { PjrtPlugin } from './plugin.js';

export interface DeviceMemory {
  readonly bytesInUse: number;
  readonly peakBytesInUse: number | undefined;
  /** What this process may take at most. */
  readonly bytesLimit: number | undefined;
}

export interface PjrtDevice {
  readonly handle: Pointer;
  readonly id: number;
  /** e.g. the CUDA device number; -1 where there is none. */
  readonly localHardwareId: number;
  /** e.g. `cpu`, `NVIDIA H200`. */
  readonly kind: string;
  /** e.g. `CpuDevice(id=0)`. */
  readonly description: string;
  /** e.g. `compute_capability`. */
  readonly attributes: NamedValues;
  /** Undefined where the plugin keeps no account. */
  memory(): DeviceMemory | undefined;
}

export function describeDevice(plugin: PjrtPlugin, device: Pointer): PjrtDevice {
  const description = plugin.call('Device_GetDescription', { device }).description;
  const kind = plugin.call('DeviceDescription_Kind', { description });
  const text = plugin.call('DeviceDescription_ToString', { description });
  const attributes = plugin.call('DeviceDescription_Attributes', { description });
  return {
    handle: device,
    id: plugin.call('DeviceDescription_Id', { description }).id,
    localHardwareId: plugin.call('Device_LocalHardwareId', { device }).localHardwareId,
    kind: plugin.text(kind.kind, kind.kindSize),
    description: plugin.text(text.text, text.textSize),
    attributes: decodeNamedValues(
      attributes.attributes as Pointer | null,
      Number(attributes.numAttributes),
    ),
    memory: () => memoryOf(plugin, device),
  };
}

function memoryOf(plugin: PjrtPlugin, device: Pointer): DeviceMemory | undefined {
  const stats = statsOf(plugin, device);
  return (
    stats && {
      bytesInUse: Number(stats.bytesInUse),
      peakBytesInUse: stats.peakBytesInUseIsSet ? Number(stats.peakBytesInUse) : undefined,
      bytesLimit: stats.bytesLimitIsSet ? Number(stats.bytesLimit) : undefined,
    }
  );
}

function statsOf(plugin: PjrtPlugin, device: Pointer): Arguments<'Device_MemoryStats'> | undefined {
  try {
    return plugin.call('Device_MemoryStats', { device });
  } catch (error) {
    if (error instanceof PjrtError && error.status === 'UNIMPLEMENTED') return undefined;
    throw error;
  }
}
