/** The options of a command, checked against its schema and named in errors as the user writes them. */
import { MicrotuneError, optionName } from '@microtune/shared';
import type { z } from 'zod';
import type { ConfigValues } from './config-file.js';
import { optionTable } from './option-table.js';

/** @throws MicrotuneError `usage` for the first option that is missing or does not fit */
export function parseOptions<Schema extends z.ZodObject>(
  schema: Schema,
  values: ConfigValues,
): z.output<Schema> {
  requireAll(schema, values);
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const [key, ...inner] = issue?.path ?? [];
  const name = [key, ...inner].map((part) => optionName(String(part))).join('.');
  const got = typeof key === 'string' ? `, got ${JSON.stringify(values[key])}` : '';
  throw new MicrotuneError('usage', `${name}: ${plain(issue?.message ?? 'not valid')}${got}`);
}

function requireAll(schema: z.ZodObject, values: ConfigValues): void {
  const missing = optionTable(schema).filter(
    (spec) => spec.required && values[spec.key] === undefined,
  );
  if (missing.length === 0) return;
  const lines = missing.map((spec) => `--${spec.name} (${spec.description})`);
  throw new MicrotuneError('usage', `missing: ${lines.join('; ')}`);
}

/** zod says "Too small: expected number to be >0"; the part after the colon is enough. */
function plain(message: string): string {
  return message.replace(/^(Too small|Too big|Invalid input|Invalid option): /, '');
}
