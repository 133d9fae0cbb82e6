/** Running where the device has memory of its own: inputs are copied there, outputs back, both without blocking. */
import type { PjrtBuffer } from './pjrt/buffer.js';
import type { Pointer } from './pjrt/c-api.js';
import type { Bound } from './host-run.js';
import type { CompiledProgram } from './xla-compiler.js';

export async function runOnDevice(
  { client, device, executable }: CompiledProgram,
  inputs: readonly Bound[],
  outputs: readonly Bound[],
): Promise<void> {
  const given: PjrtBuffer[] = [];
  const pending: Pointer[] = [];
  let results: readonly PjrtBuffer[] = [];
  try {
    for (const { spec, data } of inputs) {
      const { shape, dtype } = spec;
      const { buffer, transferred } = client.upload(
        { data, shape, dtype },
        device,
        'until-transferred',
      );
      given.push(buffer);
      pending.push(transferred);
    }
    const launch = executable.launch(given);
    results = launch.outputs;
    pending.push(launch.complete);
    outputs.forEach(({ data }, i) => pending.push(results[i]!.startRead(data)));
  } finally {
    await settleAll(pending, (event) => client.plugin.settle(event)).finally(() => {
      for (const buffer of [...results, ...given]) buffer.destroy();
    });
  }
}

/** Waits for all, then throws the first failure: the caller's memory is in use until the last one has settled. */
async function settleAll(
  events: readonly Pointer[],
  settle: (event: Pointer) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const event of events) {
    try {
      await settle(event);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
