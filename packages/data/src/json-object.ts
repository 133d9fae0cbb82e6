import { MicrotuneError, messageOf } from '@microtune/shared';

/** @throws MicrotuneError `data` naming `file` when `text` is not one JSON object */
export function parseJsonObject(text: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MicrotuneError('data', `${file}: bad JSON: ${messageOf(cause)}`, { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new MicrotuneError('data', `${file}: expected a JSON object`);
}
