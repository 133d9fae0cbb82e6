/**
 * Reading the memory of another process of this machine: the kernel copies once, from the sender's arena into the
 * reader's, where a connection over loopback TCP copies several times and calls the kernel every few KiB.
 *
 * Nobody can tell whether that is allowed (same user, same container, Yama's ptrace_scope, seccomp) but by trying. So a
 * process offers the address of a random nonce, and the other reads it there and compares. That also tells apart
 * processes of two machines, or of two containers, that have the same id.
 * Source: process_vm_readv(2), "Ptrace access mode checking" of ptrace(2), PR_SET_PTRACER(2const).
 */
import { randomBytes } from 'node:crypto';
import { MicrotuneError } from '@microtune/shared';
import { addressOf, lastError, loadLibrary } from '@microtune/shared/native';

export interface MemoryOffer {
  readonly pid: number;
  /** Where the nonce is in that process. */
  readonly address: number;
  readonly nonce: Uint8Array;
}

export interface PeerMemory {
  /** Of this process to others. */
  readonly offer: MemoryOffer;
  /** Whether this process can read the memory of the one that made the offer. Never throws. */
  canRead(offer: MemoryOffer): boolean;
  /** Fills `target` from `address` in process `pid`. @throws MicrotuneError `transient` when the process is gone or has no such memory */
  read(pid: number, address: number, target: Uint8Array): void;
}

const nonceBytes = 16;
/** PR_SET_PTRACER of linux/prctl.h. */
const setPtracer = 0x59616d61;

/** Undefined where the system has no such call. */
export function openPeerMemory(): PeerMemory | undefined {
  const calls = bind();
  if (!calls) return undefined;
  // Yama lets only the parent look into a process unless told otherwise: the parent's other children are the peers.
  calls.prctl(setPtracer, 'ulong', process.ppid);
  const nonce = new Uint8Array(randomBytes(nonceBytes));
  const read = (pid: number, address: number, target: Uint8Array): void => {
    if (target.byteLength === 0) return;
    const length = BigInt(target.byteLength);
    const into = new BigUint64Array([addressOf(target), length]);
    const from = new BigUint64Array([BigInt(address), length]);
    const count = Number(calls.readMemory(pid, into, 1, from, 1, 0));
    if (count === target.byteLength) return;
    const reason = count < 0 ? lastError() : `${count} were readable`;
    throw new MicrotuneError(
      'transient',
      `cannot read ${target.byteLength} bytes of the memory of process ${pid}: ${reason}`,
    );
  };
  return {
    offer: { pid: process.pid, address: Number(addressOf(nonce)), nonce },
    canRead(offer) {
      if (offer.nonce.byteLength !== nonceBytes) return false;
      const found = new Uint8Array(nonceBytes);
      try {
        read(offer.pid, offer.address, found);
      } catch {
        return false;
      }
      return Buffer.compare(found, offer.nonce) === 0;
    },
    read,
  };
}

/** A process, arrays of struct iovec (an address and a length) with their counts, flags. */
type ReadMemory = (
  ...args: [number, BigUint64Array, number, BigUint64Array, number, number]
) => number | bigint;

function bind() {
  try {
    const { func } = loadLibrary(null);
    // prettier-ignore
    const readMemory = func('process_vm_readv', 'int64_t',
      ['int', 'void *', 'size_t', 'void *', 'size_t', 'size_t']) as ReadMemory;
    const prctl = func('prctl', 'int', ['int', '...']) as (
      option: number,
      type: 'ulong',
      value: number,
    ) => number;
    return { readMemory, prctl };
  } catch {
    // Not Linux, or a C library without it.
    return undefined;
  }
}
