/** The options of a command, checked against its schema and named in errors as the user writes them. */
import { MicrotuneError, optionName } from '@microtune/shared';
import { z } from 'zod';
import type { ConfigValues } from './config-file.js';
import { nearestName } from '@microtune/shared/nearest-name';
import { optionTable } from './option-table.js';

/**
 * @param whereOf file and line of a key, where it has them
 * @throws MicrotuneError `usage` for the first option that is missing or does not fit
 */
export function parseOptions<Schema extends z.ZodObject>(
  schema: Schema,
  values: ConfigValues,
  whereOf: (key: string) => string | undefined = () => undefined,
): z.output<Schema> {
  requireAll(schema, values);
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const [key, ...inner] = (issue?.path ?? []).map(String);
  const name = [key, ...inner].map((part) => optionName(part ?? '')).join('.');
  const where = key === undefined ? undefined : whereOf(key);
  const place = `${name}${where === undefined ? '' : ` (${where})`}`;
  if (issue?.code === 'unrecognized_keys')
    throw new MicrotuneError('usage', `${place}: ${unknownKeyText(issue.keys, schema, key ?? '')}`);
  const got = key === undefined ? '' : `, got ${textOf(values[key])}`;
  throw new MicrotuneError('usage', `${place}: ${meaning(issue)}${got}`);
}

/** Keys inside a JSON option, as they are written in files and flags. */
function unknownKeyText(keys: readonly string[], schema: z.ZodObject, option: string): string {
  const inner = z.toJSONSchema(schema, { io: 'input' }).properties?.[option];
  const known = Object.keys((typeof inner === 'object' && inner.properties) || {}).map(optionName);
  const name = optionName(keys[0] ?? '');
  const nearest = nearestName(name, known);
  const offer = nearest === undefined ? `it takes ${known.join(', ')}` : `did you mean ${nearest}?`;
  return `there is no ${name}; ${offer}`;
}

/** What zod says is plain enough, with exceptions. */
function meaning(issue: z.core.$ZodIssue | undefined): string {
  // "Invalid input" alone says nothing: the alternatives of a union are its errors.
  if (issue?.code === 'invalid_union') {
    const each = issue.errors.flatMap((errors) => plain(errors[0]?.message ?? ''));
    if (each.length > 0) return [...new Set(each)].join(', or ').replaceAll(', or expected', ' or');
  }
  return plain(issue?.message ?? 'not valid');
}

/** As JSON, in which NaN and infinities would be null. */
function textOf(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

function requireAll(schema: z.ZodObject, values: ConfigValues): void {
  const missing = optionTable(schema).filter(
    (spec) => spec.required && values[spec.key] === undefined,
  );
  if (missing.length === 0) return;
  const lines = missing.map((spec) => `--${spec.name} (${spec.description})`);
  throw new MicrotuneError('usage', `missing: ${lines.join('; ')}`);
}

/** zod says "Invalid input: expected number, received string"; the middle is enough, what came is shown. */
function plain(message: string): string {
  return message
    .replace(/^(Too small|Too big|Invalid input|Invalid option): /, '')
    .replace(/, received \w+$/, '');
}
