import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env as environment } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../graph/graph-builder.js';
import { testXlaPlugin } from '../../setup/xla-test-plugin.js';
import { withVariables } from '../native-environment.js';
import { toStableHlo } from '../stablehlo/to-stablehlo.js';
import { PjrtClient } from './client.js';
import { addressOf } from '@microtune/shared/native';
import { PjrtPlugin } from './plugin.js';

const { plugin: found, skipReason } = await testXlaPlugin(environment);
const options = { precision: 'f32', tf32: false } as const;
const noDebug = { debugOptions: {} };

/** x + y, x donated when asked. */
function addition(count: number, donated: boolean): string {
  const build = new GraphBuilder();
  const inputs = [build.input('x', [count], 'float32'), build.input('y', [count], 'float32')];
  const graph = build.finish({ sum: build.add('add', inputs, {}) });
  return toStableHlo(graph, donated ? { ...options, donate: { x: 'sum' } } : options);
}

function cCompiler(): boolean {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A library that says it speaks a version of PJRT and offers nothing else. */
function fakePlugin(folder: string, major: number, minor: number): string {
  const source = join(folder, `v${String(major)}.c`);
  const file = join(folder, `v${String(major)}.so`);
  const version = `${String(major)}, ${String(minor)}`;
  writeFileSync(
    source,
    '#include <stddef.h>\n' +
      'static struct { size_t size; void *extension; size_t version_size; void *none; int major, minor; }\n' +
      `api = { 40, 0, 24, 0, ${version} };\n` +
      'void *GetPjrtApi(void) { return &api; }\n',
  );
  execFileSync('cc', ['-shared', '-fPIC', '-o', file, source]);
  return file;
}

describe.skipIf(!cCompiler())('a plugin of another version (needs a C compiler)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'microtune-pjrt-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('is refused, naming both versions', () => {
    expect(() => new PjrtPlugin(fakePlugin(folder, 1, 3))).toThrow(
      /speaks PJRT 1\.3; .* speaks 0\.x from 0\.57 on/,
    );
  });

  it('is refused when its table is too short', () => {
    expect(() => new PjrtPlugin(fakePlugin(folder, 0, 60))).toThrow(
      /PJRT 0\.60\) lacks PJRT_Plugin_Initialize/,
    );
  });
});

describe.skipIf(found === undefined)(`PJRT (${skipReason ?? 'set up for tests'})`, () => {
  let client: PjrtClient;
  let plugin: PjrtPlugin;

  beforeAll(() => {
    withVariables(environment, { TF_CPP_MIN_LOG_LEVEL: '2' }, () => {
      plugin = new PjrtPlugin(found!.file);
      client = new PjrtClient(plugin, { cpu_device_count: 2n });
    });
  });
  afterAll(() => {
    client.destroy();
  });

  const upload = (data: Float32Array, device = 0) => {
    const { buffer, transferred } = client.upload(
      { data, shape: [data.length], dtype: 'float32' },
      client.devices[device]!,
      'during-call',
    );
    plugin.call('Event_Destroy', { event: transferred });
    return buffer;
  };

  it('tells what plugin and devices are', () => {
    expect(plugin.apiVersion).toMatch(/^0\.\d+$/);
    expect(plugin.attributes()).toMatchObject({ stablehlo_current_version: [1n, 13n, 3n] });
    expect(client.platform).toBe('cpu');
    expect(client.devices.map(({ id, kind, description }) => [id, kind, description])).toEqual([
      [0, 'cpu', 'CpuDevice(id=0)'],
      [1, 'cpu', 'CpuDevice(id=1)'],
    ]);
    expect(client.devices[0]!.memory()).toBeUndefined();
  });

  it.each([0, 1])('runs a program on the device it was compiled for (%d)', async (device) => {
    const executable = await client.compile(addition(3, false), { deviceId: device, ...noDebug });
    const args = [
      upload(Float32Array.of(1, 2, 3), device),
      upload(Float32Array.of(10, 20, 30), device),
    ];
    const { outputs, complete } = executable.launch(args);
    await plugin.settle(complete);
    const sum = new Float32Array(3);
    await outputs[0]!.read(sum);
    expect(Array.from(sum)).toEqual([11, 22, 33]);
    const tail = new Float32Array(2);
    await outputs[0]!.readRange(4, tail);
    expect(Array.from(tail)).toEqual([22, 33]);
    for (const buffer of [...args, ...outputs]) buffer.destroy();
    executable.destroy();
  });

  it('writes the result over a donated input, and into memory of ours', async () => {
    const count = 4096;
    const executable = await client.compile(addition(count, true), { deviceId: 0, ...noDebug });
    expect(executable.memory()).toMatchObject({ argumentBytes: 8 * count, aliasBytes: 4 * count });
    const room = new Float32Array(count + 16);
    const x = room.subarray(Number((64n - (addressOf(room) % 64n)) % 64n) / 4).subarray(0, count);
    x.fill(1);
    const mine = client.upload(
      { data: x, shape: [count], dtype: 'float32' },
      client.devices[0]!,
      'alias-writable',
    );
    plugin.call('Event_Destroy', { event: mine.transferred });
    const y = upload(new Float32Array(count).fill(2));
    const address = mine.buffer.address();
    expect(address).toBe(addressOf(x));
    const { outputs, complete } = executable.launch([mine.buffer, y]);
    await plugin.settle(complete);
    expect(outputs[0]!.address()).toBe(address);
    expect([mine.buffer.isDeleted(), y.isDeleted()]).toEqual([true, false]);
    expect(x.every((value) => value === 3)).toBe(true);
    for (const buffer of [mine.buffer, y, ...outputs]) buffer.destroy();
    executable.destroy();
  });

  it('loads again what it serialized', async () => {
    const executable = await client.compile(addition(2, false), { deviceId: 0, ...noDebug });
    const again = await client.deserialize(executable.serialize());
    executable.destroy();
    const args = [upload(Float32Array.of(1, 2)), upload(Float32Array.of(3, 4))];
    const { outputs, complete } = again.launch(args);
    await plugin.settle(complete);
    const sum = new Float32Array(2);
    await outputs[0]!.read(sum);
    expect(Array.from(sum)).toEqual([4, 6]);
    for (const buffer of [...args, ...outputs]) buffer.destroy();
    again.destroy();
  });

  it('repeats what the plugin refuses and why, and goes on', async () => {
    const compile = (program: string, debugOptions = {}) =>
      client.compile(program, { deviceId: 0, debugOptions });
    await expect(compile('module @m { nonsense }')).rejects.toThrow(
      /Client_Compile failed \(\w+\): .*nonsense/s,
    );
    await expect(compile(addition(2, false), { xla_no_such_option: true })).rejects.toMatchObject({
      code: 'internal',
      status: 'INVALID_ARGUMENT',
      message: expect.stringContaining("No such compile option: 'xla_no_such_option'") as string,
    });
    await expect(client.deserialize(new Uint8Array(100))).rejects.toThrow(
      'DeserializeAndLoad failed',
    );
    const executable = await compile(addition(2, false));
    const wrong = upload(Float32Array.of(1, 2, 3));
    expect(() => executable.launch([wrong])).toThrow(/LoadedExecutable_Execute failed/);
    wrong.destroy();
    expect(() => wrong.handle).toThrow('a destroyed device buffer was used');
    executable.destroy();
  });
});
