/** Headers of bulk frames as bytes: one MessagePack array, so that a header takes some 40 bytes and 2 microseconds. */
import { MicrotuneError } from '@microtune/shared';
import { decodePlain, encodePlain } from './plain-msgpack.js';
import type { FrameHeader } from './transport.js';

export function encodeHeader(from: number, header: FrameHeader): Uint8Array {
  return encodePlain([from, header.runId, header.epoch, header.step, header.phase, header.part]);
}

/** @throws MicrotuneError `transient` when the bytes are no header */
export function decodeHeader(bytes: Uint8Array): { from: number; header: FrameHeader } {
  const value = decodePlain(bytes, 'a bulk socket');
  const fields: readonly unknown[] = Array.isArray(value) ? value : [];
  const [from, runId, epoch, step, phase, part] = fields;
  if (
    fields.length !== 6 ||
    !isCount(from) ||
    typeof runId !== 'string' ||
    !isCount(epoch) ||
    !isCount(step) ||
    typeof phase !== 'string' ||
    !isNumbers(part)
  ) {
    throw new MicrotuneError(
      'transient',
      'a bulk frame does not begin with [from, runId, epoch, step, phase, part]: a process that is no worker of this run may be connected',
    );
  }
  return { from, header: { runId, epoch, step, phase, part } };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
