/** The text after an option, as the value its kind asks for. */
import { MicrotuneError, messageOf } from '@microtune/shared';
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
      return text;
    case 'text-or-boolean':
      return booleanOf(text) ?? text;
    case 'boolean':
      return booleanOf(text) ?? refuse(spec, 'true or false', text);
    case 'number':
      return numberOf(spec, text);
    case 'list':
      return [...(Array.isArray(previous) ? (previous as unknown[]) : []), ...itemsOf(text)];
    case 'json':
      return jsonOf(spec, text);
  }
}

function itemsOf(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
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
