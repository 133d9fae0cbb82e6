import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { addressOf } from '@microtune/shared/native';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPeerMemory, type MemoryOffer } from './peer-memory.js';

const opened = openPeerMemory();
/** Undefined where the system has no such call, or a container's seccomp profile forbids it. */
const memory = opened?.canRead(opened.offer) ? opened : undefined;

/** A process that offers its memory and lives until it is told to end. */
async function startPeer() {
  const main = fileURLToPath(new URL('../dist/testing/memory-process.js', import.meta.url));
  const child = fork(main, { serialization: 'advanced' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const [{ offer, address, bytes }] = (await once(child, 'message')) as [
    { offer: MemoryOffer; address: number; bytes: Uint8Array },
  ];
  const end = async (): Promise<void> => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  return { offer, address, bytes, end };
}

describe.skipIf(memory === undefined)('memory of another process (process_vm_readv)', () => {
  if (!memory) return;

  it('is read where the process says it is', async () => {
    const { offer, address, bytes } = await startPeer();
    expect(memory.canRead(offer)).toBe(true);
    const target = new Uint8Array(bytes.length);
    memory.read(offer, address, target);
    expect(Buffer.compare(target, bytes)).toBe(0);
    const part = new Uint8Array(100);
    memory.read(offer, address + 5000, part.subarray(10, 30));
    expect([...part.subarray(10, 30)]).toEqual([...bytes.subarray(5000, 5020)]);
    expect(part[9]).toBe(0);
    expect(part[30]).toBe(0);
  });

  it('is not taken for that of a process with the same id elsewhere', () => {
    const elsewhere = { ...memory.offer, nonce: new Uint8Array(16) };
    expect(memory.canRead(memory.offer)).toBe(true);
    expect(memory.canRead(elsewhere)).toBe(false);
    expect(memory.canRead({ ...memory.offer, address: 4096 })).toBe(false);
    expect(memory.canRead({ ...memory.offer, nonce: new Uint8Array() })).toBe(false);
  });

  it('is not read from a process that came by the id of another one', async () => {
    const { offer, address } = await startPeer();
    const before = { ...offer, nonce: new Uint8Array(16).fill(7) };
    expect(() => memory.read(before, address, new Uint8Array(8))).toThrow(
      `cannot read 8 bytes of the memory of process ${offer.pid}: it is another process by now`,
    );
  });

  it('says which process is gone, or how little is there', async () => {
    const { offer, end } = await startPeer();
    await end();
    expect(memory.canRead(offer)).toBe(false);
    expect(() => memory.read(offer, offer.address, new Uint8Array(8))).toThrow(
      `cannot read 8 bytes of the memory of process ${offer.pid}: ESRCH`,
    );
    expect(() => memory.read(memory.offer, 4096, new Uint8Array(8))).toThrow(
      /process \d+: (EFAULT|0 were readable)/,
    );
    const page = new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer;
    const last = Number(addressOf(new Uint8Array(page, 65_532, 4)));
    expect(() => memory.read(memory.offer, last, new Uint8Array(8))).toThrow(
      /EFAULT|were readable/,
    );
  });
});
