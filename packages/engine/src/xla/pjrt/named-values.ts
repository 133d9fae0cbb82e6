/** Named values: the options of a client, and the attributes of plugins and devices. */
import koffi from 'koffi';
import { namedValueStruct, record } from './c-api.js';
import type { Pointer } from './c-api.js';

/** bigint and bigint[] are int64, number is float. */
export type NamedValue = string | bigint | readonly bigint[] | number | boolean;
export type NamedValues = Readonly<Record<string, NamedValue>>;

/** PJRT_NamedValue_Type. */
const kinds = { string: 0, integer: 1, integers: 2, float: 3, flag: 4 } as const;

/** The structs of some values, for koffi. */
export function encodeNamedValues(values: NamedValues): object[] {
  return Object.entries(values).map(([name, value]) =>
    record('namedValue', { name, nameSize: Buffer.byteLength(name), ...encodeValue(value) }),
  );
}

function encodeValue(value: NamedValue): { type: number; value: object; valueSize: number } {
  if (typeof value === 'string') {
    return { type: kinds.string, value: { text: value }, valueSize: Buffer.byteLength(value) };
  }
  if (typeof value === 'bigint')
    return { type: kinds.integer, value: { integer: value }, valueSize: 1 };
  if (typeof value === 'number')
    return { type: kinds.float, value: { float: value }, valueSize: 1 };
  if (typeof value === 'boolean') return { type: kinds.flag, value: { flag: value }, valueSize: 1 };
  return {
    type: kinds.integers,
    value: { integers: BigInt64Array.from(value) },
    valueSize: value.length,
  };
}

/** Reads an array of them; a kind of a later version is left out. */
export function decodeNamedValues(base: Pointer | null, count: number): NamedValues {
  const values: Record<string, NamedValue> = {};
  const stride = koffi.sizeof(namedValueStruct);
  for (let i = 0; base !== null && i < count; i++) {
    const at = (field: string) => i * stride + koffi.offsetof(namedValueStruct, field);
    const nameSize = Number(koffi.decode(base, at('nameSize'), 'size_t'));
    const name = text(koffi.decode(base, at('name'), 'void *'), nameSize);
    const value = decodeValue(base, at);
    if (value !== undefined) values[name] = value;
  }
  return values;
}

function decodeValue(base: Pointer, at: (field: string) => number): NamedValue | undefined {
  const offset = at('value');
  const size = Number(koffi.decode(base, at('valueSize'), 'size_t'));
  switch (koffi.decode(base, at('type'), 'int') as number) {
    case kinds.string:
      return text(koffi.decode(base, offset, 'void *'), size);
    case kinds.integer:
      return BigInt(koffi.decode(base, offset, 'int64_t') as number | bigint);
    case kinds.integers:
      return integers(koffi.decode(base, offset, 'void *'), size);
    case kinds.float:
      return koffi.decode(base, offset, 'float') as number;
    case kinds.flag:
      return koffi.decode(base, offset, 'bool') as boolean;
    default:
      return undefined;
  }
}

function text(pointer: unknown, size: number): string {
  if (pointer === null || size === 0) return '';
  return koffi.decode(pointer, koffi.array('char', size, 'String')) as string;
}

function integers(pointer: unknown, count: number): bigint[] {
  if (pointer === null || count === 0) return [];
  return Array.from(koffi.decode(pointer, 'int64_t', count) as ArrayLike<number | bigint>, BigInt);
}
