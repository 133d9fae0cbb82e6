/**
 * CompileOptionsProto, the few fields we set: one replica on one device, and XLA's debug options by name.
 * Source: xla/pjrt/proto/compile_options.proto and DeviceAssignmentProto of xla_data.proto.
 */
import { ProtobufWriter } from '../../onnx/protobuf-writer.js';

/** XLA's debug options, e.g. `xla_gpu_deterministic_ops: true`. A plugin refuses a name it does not know. */
export type DebugOptions = Readonly<Record<string, boolean | number | string>>;

export interface PjrtCompileOptions {
  /** Id of the device that the program is compiled for and runs on. */
  readonly deviceId: number;
  readonly debugOptions: DebugOptions;
}

export function encodeCompileOptions({ deviceId, debugOptions }: PjrtCompileOptions): Uint8Array {
  const devices = new ProtobufWriter().integer(1, deviceId);
  const assignment = new ProtobufWriter().integer(1, 1).integer(2, 1).message(3, devices);
  const build = new ProtobufWriter().integer(4, 1).integer(5, 1).message(9, assignment);
  const options = new ProtobufWriter().message(3, build);
  for (const [name, value] of Object.entries(debugOptions)) {
    options.message(7, new ProtobufWriter().text(1, name).message(2, override(value)));
  }
  return options.finish();
}

/** OptionOverrideProto. */
function override(value: boolean | number | string): ProtobufWriter {
  const writer = new ProtobufWriter();
  if (typeof value === 'string') return writer.text(1, value);
  if (typeof value === 'boolean') return writer.integer(2, value ? 1 : 0);
  return writer.integer(3, value);
}
