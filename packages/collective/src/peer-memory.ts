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
  /**
   * Fills `target` from `address` in the process that made the offer. Its nonce is read with it, by the same call: a
   * process that has come by the id of one that is gone is not taken for it.
   * @throws MicrotuneError `transient` when the process is gone or has no such memory
   */
  read(from: MemoryOffer, address: number, target: Uint8Array): void;
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
  const found = new Uint8Array(nonceBytes);
  const read = (from: MemoryOffer, address: number, target: Uint8Array): void => {
    const byteLength = BigInt(target.byteLength);
    const nonceLength = BigInt(nonceBytes);
    const into = [addressOf(found), nonceLength, addressOf(target), byteLength];
    const places = [BigInt(from.address), nonceLength, BigInt(address), byteLength];
    const parts = target.byteLength === 0 ? 1 : 2;
    const [local, remote] = [new BigUint64Array(into), new BigUint64Array(places)];
    const count = Number(calls.readMemory(from.pid, local, parts, remote, parts, 0));
    const isSame = Buffer.compare(found, from.nonce) === 0;
    if (count === nonceBytes + target.byteLength && isSame) return;
    const readable = `${count - nonceBytes} were readable`;
    const reason = count < 0 ? lastError() : isSame ? readable : 'it is another process by now';
    throw new MicrotuneError(
      'transient',
      `cannot read ${target.byteLength} bytes of the memory of process ${from.pid}: ${reason}`,
    );
  };
  return {
    offer: { pid: process.pid, address: Number(addressOf(nonce)), nonce },
    canRead(offer) {
      if (offer.nonce.byteLength !== nonceBytes) return false;
      try {
        read(offer, offer.address, new Uint8Array());
        return true;
      } catch {
        return false;
      }
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
