/** One winston logger per process, writing `logs/<process>.log` in the run folder; the terminal is the CLI's. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import winston from 'winston';

export type Logger = winston.Logger;

/**
 * @param folder the run's `logs` folder, created if missing; undefined logs nowhere
 * @param processName e.g. `coordinator` or `worker-0`
 */
export function createLogger(folder: string | undefined, processName: string): Logger {
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
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
