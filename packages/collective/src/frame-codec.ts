/** Headers of bulk frames as bytes: one MessagePack array, so that a header takes some 40 bytes and 2 microseconds. */
import { MicrotuneError } from '@microtune/shared';
import { decodePlain, encodePlain } from './plain-msgpack.js';
import type { FrameHeader } from './transport.js';

/** Where a payload is in the sender's memory when it does not travel with the frame. */
export interface MemoryReference {
  readonly address: number;
  readonly byteLength: number;
}

export interface FrameHead {
  readonly from: number;
  readonly header: FrameHeader;
  readonly reference?: MemoryReference;
}

/** No tensor frame is larger. */
export const maxPayloadBytes = 8 * 2 ** 20;

export function encodeHeader(
  from: number,
  { runId, epoch, step, phase, part }: FrameHeader,
  reference?: MemoryReference,
): Uint8Array {
  const place = reference ? [reference.address, reference.byteLength] : [];
  return encodePlain([from, runId, epoch, step, phase, part, ...place]);
}

/** @throws MicrotuneError `transient` when the bytes are no header */
export function decodeHeader(bytes: Uint8Array): FrameHead {
  const value = decodePlain(bytes, 'a bulk socket');
  const fields: readonly unknown[] = Array.isArray(value) ? value : [];
  const [from, runId, epoch, step, phase, part, ...place] = fields;
  const [address, byteLength] = place;
  if (
    !isCount(from) ||
    typeof runId !== 'string' ||
    !isCount(epoch) ||
    !isCount(step) ||
    typeof phase !== 'string' ||
    !isNumbers(part) ||
    (place.length !== 0 && place.length !== 2)
  ) {
    throw new MicrotuneError(
      'transient',
      'a bulk frame does not begin with [from, runId, epoch, step, phase, part] and perhaps [address, bytes]: a process that is no worker of this run may be connected',
    );
  }
  const header = { runId, epoch, step, phase, part };
  if (place.length === 0) return { from, header };
  if (isCount(address) && isCount(byteLength) && byteLength <= maxPayloadBytes)
    return { from, header, reference: { address, byteLength } };
  throw new MicrotuneError('transient', `rank ${from} sent a frame whose payload is nowhere`);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
