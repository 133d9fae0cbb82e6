/**
 * Errors that carry meaning across processes. Every error that leaves a package is a MicrotuneError;
 * its `code` says what the caller does, and decides the exit code of the process (docs/operations.md).
 * A message says what was expected, what came, where (file, row, key, rank, step) and what to do.
 */
export const exitCodes = {
  /** Wrong option, impossible combination, missing model: fix the command. */
  usage: 64,
  /** A file (data, weights, checkpoint) is not what it claims: fix the file. */
  data: 65,
  /** The coordinator cannot be reached: retry later. */
  unreachable: 69,
  /** A broken invariant of ours: report it. */
  internal: 70,
  /** A worker or device was lost, a disk was full: run again, resume from the last checkpoint. */
  transient: 75,
  /** Authentication refused. */
  auth: 77,
  /** Asked to stop (SIGINT); state was saved. */
  interrupted: 130,
  /** Asked to stop (SIGTERM); state was saved. */
  terminated: 143,
} as const;

export type ErrorCode = keyof typeof exitCodes;
export const errorCodes = Object.keys(exitCodes) as [ErrorCode, ...ErrorCode[]];

export class MicrotuneError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'MicrotuneError';
    this.code = code;
  }
}

/** The exit code for anything thrown: a MicrotuneError's own, 70 (internal) for the rest. */
export function exitCodeOf(error: unknown): number {
  return error instanceof MicrotuneError ? exitCodes[error.code] : exitCodes.internal;
}

/** The message of anything thrown, without a stack. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error with its message said by `words`; itself where that changes nothing, or it is no MicrotuneError. */
export function reworded(error: unknown, words: (text: string) => string): unknown {
  if (!(error instanceof MicrotuneError)) return error;
  const message = words(error.message);
  if (message === error.message) return error;
  return new MicrotuneError(error.code, message, { cause: error.cause ?? error });
}

/** Throws an `internal` error when an invariant of ours is broken. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new MicrotuneError('internal', `internal: ${message}`);
}
