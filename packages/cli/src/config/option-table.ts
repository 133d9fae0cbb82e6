/**
 * Options as data: a zod object schema gives the table of a command's options (name, kind, help, default), so that no
 * key can be forgotten on the command line. The table is read from the schema's JSON Schema, which is zod's
 * public description of itself.
 */
import { assert, optionName } from '@microtune/shared';
import { z } from 'zod';

/** How the text after an option becomes a value. */
export type OptionKind = 'text' | 'number' | 'boolean' | 'list' | 'json' | 'text-or-boolean';

export interface OptionSpec {
  /** Key in the schema, camelCase. */
  readonly key: string;
  /** Name in files and flags, snake_case. */
  readonly name: string;
  readonly kind: OptionKind;
  readonly description: string;
  readonly defaultValue: unknown;
  readonly required: boolean;
  readonly choices: readonly string[] | undefined;
  /** A second occurrence on the command line is a slip, not a longer list. */
  readonly once: boolean;
  /** A list of which each occurrence is one item, commas and spaces included. */
  readonly whole: boolean;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly description?: string;
  readonly default?: unknown;
  readonly once?: boolean;
  readonly whole?: boolean;
}

/** One entry per key of the schema, in the order written there. */
export function optionTable(schema: z.ZodObject): OptionSpec[] {
  const described = z.toJSONSchema(schema, { io: 'input' });
  const required = new Set(described.required ?? []);
  return Object.entries(described.properties ?? {}).map(([key, value]) => {
    const property = value as JsonSchema;
    return {
      key,
      name: optionName(key),
      kind: kindOf(property, key),
      description: property.description ?? '',
      defaultValue: property.default,
      required: required.has(key),
      choices: property.enum,
      once: property.once ?? false,
      whole: property.whole ?? false,
    };
  });
}

function kindOf(property: JsonSchema, key: string): OptionKind {
  const types = new Set((property.anyOf ?? [property]).flatMap((option) => option.type ?? []));
  if (types.has('array')) return 'list';
  if (types.has('boolean') && types.has('string')) return 'text-or-boolean';
  if (types.has('boolean')) return 'boolean';
  if (types.has('integer') || types.has('number')) return 'number';
  if (types.has('object')) return 'json';
  assert(types.has('string'), `option ${key} has no kind`);
  return 'text';
}
