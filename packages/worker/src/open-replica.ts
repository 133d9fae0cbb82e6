/** Where the state lives is the engine's matter: on its device when it has memory of its own, else in the arena. */
import type { Engine } from '@microtune/engine';
import type { DeviceReplicaOptions } from './device/device-replica.js';
import { createHostReplica, type HostReplicaOptions } from './host/host-replica.js';
import type { Replica } from './replica.js';

export type ReplicaOptions = HostReplicaOptions &
  Omit<DeviceReplicaOptions, 'engine'> & { readonly engine: Pick<Engine, 'init'> };

/** @throws MicrotuneError `transient` when the device has no room for the state */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { init } = options.engine;
  if (init === undefined) return createHostReplica(options);
  const { openDeviceReplica } = await import('./device/device-replica.js');
  return openDeviceReplica({ ...options, engine: { init } });
}
