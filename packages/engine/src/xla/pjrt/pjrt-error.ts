/** An error object of a plugin, read and freed: what remains is its status and message. */
import { MicrotuneError } from '@microtune/shared';
import type { ErrorCode } from '@microtune/shared';

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
 * may not have (memory, a lost device), `internal` for a program or argument that it refused.
 */
export class PjrtError extends MicrotuneError {
  readonly status: PjrtStatus;
  /** The plugin's own words. */
  readonly detail: string;

  constructor(what: string, status: PjrtStatus, detail: string) {
    super(errorCode(status), `XLA: ${what} failed (${status}): ${detail}`);
    this.name = 'PjrtError';
    this.status = status;
    this.detail = detail;
  }
}

function errorCode(status: PjrtStatus): ErrorCode {
  return status === 'INVALID_ARGUMENT' || status === 'UNIMPLEMENTED' ? 'internal' : 'transient';
}
