/** The text after an option, as the value its kind asks for. */
import { MicrotuneError, messageOf } from '@microtune/shared/errors';
import type { OptionSpec } from './option-table.js';

const booleans: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  yes: true,
  no: false,
  on: true,
  off: false,
  '1': true,
  '0': false,
};

/** True, false, or undefined for other text. */
export function booleanOf(text: string): boolean | undefined {
  return booleans[text.toLowerCase()];
}

/**
 * @param previous value of an earlier occurrence: lists grow, everything else takes the last
 * @throws MicrotuneError `usage` naming the option and what it expected
 */
export function optionValue(spec: OptionSpec, text: string, previous: unknown): unknown {
  switch (spec.kind) {
    case 'text':
      return textOf(spec, text);
    case 'text-or-boolean':
      return booleanOf(text) ?? textOf(spec, text);
    case 'boolean':
      return booleanOf(text) ?? refuse(spec, 'true or false', text);
    case 'number':
      return numberOf(spec, text);
    case 'list':
      return [...(Array.isArray(previous) ? (previous as unknown[]) : []), ...itemsOf(spec, text)];
    case 'json':
      return jsonOf(spec, text);
  }
}

/** An empty value is a shell variable that is not set, more often than not. */
function textOf(spec: OptionSpec, text: string): string {
  return text === '' ? refuse(spec, 'a value', text) : text;
}

function itemsOf(spec: OptionSpec, text: string): string[] {
  if (spec.whole) return [text === '' ? refuse(spec, 'a text', text) : text];
  const items = text.split(',').map((item) => item.trim());
  return items.includes('') ? refuse(spec, 'names with commas between them', text) : items;
}

function numberOf(spec: OptionSpec, text: string): number {
  // Decimal notation alone: Number() would also take '', '0x10' and 'Infinity'.
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim())) refuse(spec, 'a number', text);
  return Number(text);
}

function jsonOf(spec: OptionSpec, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new MicrotuneError('usage', `--${spec.name} expects a JSON object: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function refuse(spec: OptionSpec, expected: string, text: string): never {
  throw new MicrotuneError('usage', `--${spec.name} expects ${expected}, got '${text}'`);
}
