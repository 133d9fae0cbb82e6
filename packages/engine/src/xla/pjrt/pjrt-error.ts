/** An error object of a plugin, read and freed: what remains is its status and message. */
import { MicrotuneError } from '@microtune/shared';
import type { ErrorCode } from '@microtune/shared';
import { deviceError } from '../../cuda/device-failures.js';

/** PJRT_Error_Code, by number. */
const statusNames = [
  'OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS',
  'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED',
  'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED',
] as const; // prettier-ignore
export type PjrtStatus = (typeof statusNames)[number];

/** The status of a number; UNKNOWN for numbers of later versions. */
export function statusName(code: number): PjrtStatus {
  return statusNames[code] ?? 'UNKNOWN';
}

/**
 * What a plugin answered instead of doing what it was asked. `transient` for what may pass or what another machine
 * may not have (a lost device), `usage` for work that does not fit the device's memory, `internal` for a program or
 * argument that it refused.
 */
export class PjrtError extends MicrotuneError {
  readonly status: PjrtStatus;
  /** The plugin's own words. */
  readonly detail: string;

  constructor(what: string, status: PjrtStatus, detail: string) {
    const text = `XLA: ${what} failed (${status}): ${detail}`;
    const { code, message } = deviceError(text, codeOfStatus(status));
    super(code, message);
    this.name = 'PjrtError';
    this.status = status;
    this.detail = detail;
  }
}

function codeOfStatus(status: PjrtStatus): ErrorCode {
  return status === 'INVALID_ARGUMENT' || status === 'UNIMPLEMENTED' ? 'internal' : 'transient';
}
