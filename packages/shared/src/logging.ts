/**
 * One winston logger per process, writing `logs/<process>.log` in the run folder; the terminal is the CLI's.
 * An entry of its own (`@microtune/shared/logging`), because most commands write no log and need not load winston.
 */
import { join } from 'node:path';
import winston from 'winston';
import { MicrotuneError, messageOf } from './errors.js';
import { makeFolder } from './make-folder.js';

export type Logger = winston.Logger;

/**
 * @param folder the run's `logs` folder, created if missing; undefined logs nowhere
 * @param processName e.g. `coordinator` or `worker-0`
 * @throws MicrotuneError `usage` when the folder cannot be made
 */
export function createLogger(folder: string | undefined, processName: string): Logger {
  if (folder !== undefined) makeLogFolder(folder);
  return winston.createLogger({
    level: 'debug',
    silent: folder === undefined,
    format: winston.format.combine(
      winston.format.timestamp(),
      winston.format.printf(({ timestamp, level, message, ...fields }) => {
        const rest = Object.keys(fields).length > 0 ? ` ${JSON.stringify(fields)}` : '';
        return `${String(timestamp)} ${level} [${processName}] ${String(message)}${rest}`;
      }),
    ),
    transports:
      folder === undefined
        ? [new winston.transports.Console()]
        : [new winston.transports.File({ filename: join(folder, `${processName}.log`) })],
  });
}

function makeLogFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new MicrotuneError(
      'usage',
      `output_dir: the folder ${folder} cannot be made: ${messageOf(cause)}`,
      { cause },
    );
  }
}
