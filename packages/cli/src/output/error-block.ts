/** How an error looks: one block on stderr for people, one JSON line on stdout for machines. */
import { MicrotuneError, exitCodeOf, messageOf } from '@microtune/shared/errors';
import { schemaVersion } from './schema-version.js';
import type { Environment } from '../environment.js';

export interface ErrorReport {
  readonly environment: Environment;
  readonly json: boolean;
}

/** Writes the error; its stack only for broken invariants and with `--debug`. */
export function reportError(error: unknown, { environment, json }: ErrorReport): void {
  if (json) {
    const code = error instanceof MicrotuneError ? error.code : 'internal';
    const line = {
      type: 'error',
      schema_version: schemaVersion,
      code,
      exit_code: exitCodeOf(error),
      message: messageOf(error),
    };
    environment.stdout.write(`${JSON.stringify(line)}\n`);
  }
  environment.stderr.write(`${errorBlock(error, environment.debug)}\n`);
}

/** The text of the block, without a final newline. */
export function errorBlock(error: unknown, debug: boolean): string {
  const internal = !(error instanceof MicrotuneError) || error.code === 'internal';
  const block = [`error: ${messageOf(error)}`];
  if (internal) block.push('This is a fault of microtune; please report it with the lines below.');
  if ((internal || debug) && error instanceof Error && error.stack !== undefined)
    block.push(...stackOf(error));
  return block.join('\n');
}

function stackOf(error: Error): string[] {
  const own = [framesOf(error)];
  if (error.cause instanceof Error) {
    own.push(`caused by: ${error.cause.message}`, framesOf(error.cause));
  }
  return own;
}

/** The stack without the message that it repeats. */
function framesOf({ stack = '' }: Error): string {
  return stack.slice(Math.max(0, stack.indexOf('\n    at ') + 1));
}
