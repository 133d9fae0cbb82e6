/**
 * Writes the body of a StableHLO function as text, one operation a line. Text, because every PJRT plugin parses it
 * and people can read it; only operations and forms that have not changed since StableHLO 1.0 are used, and chlo's
 * erf and inverse trigonometry, which every plugin expands or has a kernel for.
 *
 * StableHLO broadcasts nothing by itself: `spread` does, and costs nothing, for the compiler fuses it away.
 */
import type { DType, HostBuffer, Shape } from '../../graph-types.js';
import type { Precision } from '../../engine.js';
import { sameShape } from '../../graph/shape.js';

export type ElementType = 'f32' | 'bf16' | 'i32' | 'i1' | 'ui8';

/** A value of the function: its name and its type. */
export interface HloValue {
  readonly name: string;
  readonly shape: Shape;
  readonly type: ElementType;
}

export interface LoweringOptions {
  /** `bf16`: operands of matrix products are rounded to bfloat16 and summed in float32. */
  readonly precision: Precision;
  /** Lets a GPU multiply float32 matrices with 10 bits of mantissa. */
  readonly tf32: boolean;
}

export const elementTypes: Readonly<Record<DType, ElementType>> = {
  float32: 'f32',
  int32: 'i32',
  bool: 'i1',
};

export function tensorType({ shape, type }: { shape: Shape; type: ElementType }): string {
  return `tensor<${[...shape, type].join('x')}>`;
}

export class HloWriter {
  readonly options: LoweringOptions;
  readonly #lines: string[] = [];
  readonly #scalars = new Map<string, HloValue>();
  #count = 0;

  constructor(options: LoweringOptions) {
    this.options = options;
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Adds `result = text : signature` and gives the result. */
  add(text: string, signature: string, result: Omit<HloValue, 'name'>): HloValue {
    const name = `%${String(this.#count++)}`;
    this.#lines.push(`${name} = ${text} : ${signature}`);
    return { name, shape: result.shape, type: result.type };
  }

  /** An operation whose operands and result are all of one type. */
  same(operation: string, ...operands: readonly HloValue[]): HloValue {
    const first = operands[0]!;
    const chlo = operation.startsWith('chlo.') ? ` -> ${tensorType(first)}` : '';
    return this.add(`${operation} ${names(operands)}`, `${tensorType(first)}${chlo}`, first);
  }

  /** An operation with the full signature. */
  typed(text: string, operands: readonly HloValue[], result: Omit<HloValue, 'name'>): HloValue {
    return this.add(
      text,
      `(${operands.map(tensorType).join(', ')}) -> ${tensorType(result)}`,
      result,
    );
  }

  /** A number of shape []; one line however often it is asked for. */
  scalar(value: number, type: ElementType): HloValue {
    const literal = scalarLiteral(value, type);
    const key = `${literal} ${type}`;
    const known = this.#scalars.get(key);
    if (known !== undefined) return known;
    const scalar = this.add(`stablehlo.constant dense<${literal}>`, `tensor<${type}>`, {
      shape: [],
      type,
    });
    this.#scalars.set(key, scalar);
    return scalar;
  }

  /** The number at every place of the shape of `like`, of its type. */
  filled(value: number, like: Pick<HloValue, 'shape' | 'type'>): HloValue {
    return this.spread(this.scalar(value, like.type), like.shape);
  }

  dense(data: HostBuffer, shape: Shape): HloValue {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const type = data instanceof Float32Array ? 'f32' : data instanceof Int32Array ? 'i32' : 'ui8';
    const value = { shape, type } as const;
    const constant = this.add(
      `stablehlo.constant dense<"0x${bytes.toString('hex')}">`,
      tensorType(value),
      value,
    );
    // A dense i1 would be packed bits.
    return type === 'ui8' ? this.compare('NE', constant, this.filled(0, constant)) : constant;
  }

  /** NumPy broadcast to a shape. */
  spread(x: HloValue, shape: Shape): HloValue {
    if (sameShape(x.shape, shape)) return x;
    const first = shape.length - x.shape.length;
    const dims = list(x.shape.map((_, axis) => first + axis));
    return this.typed(`stablehlo.broadcast_in_dim ${x.name}, dims = ${dims}`, [x], {
      shape,
      type: x.type,
    });
  }

  /** A reduced value back over the axes that went away. */
  restore(reduced: HloValue, shape: Shape, axes: readonly number[]): HloValue {
    const kept = list(shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)));
    const result = { shape, type: reduced.type };
    return this.typed(
      `stablehlo.broadcast_in_dim ${reduced.name}, dims = ${kept}`,
      [reduced],
      result,
    );
  }

  reshape(x: HloValue, shape: Shape): HloValue {
    if (sameShape(x.shape, shape)) return x;
    return this.typed(`stablehlo.reshape ${x.name}`, [x], { shape, type: x.type });
  }

  convert(x: HloValue, type: ElementType): HloValue {
    if (x.type === type) return x;
    return this.typed(`stablehlo.convert ${x.name}`, [x], { shape: x.shape, type });
  }

  compare(direction: 'EQ' | 'NE' | 'LT' | 'LE', a: HloValue, b: HloValue): HloValue {
    return this.typed(`stablehlo.compare ${direction}, ${names([a, b])}`, [a, b], {
      shape: a.shape,
      type: 'i1',
    });
  }

  select(condition: HloValue, whenTrue: HloValue, whenFalse: HloValue): HloValue {
    const signature = `${tensorType(condition)}, ${tensorType(whenTrue)}`;
    return this.add(
      `stablehlo.select ${names([condition, whenTrue, whenFalse])}`,
      signature,
      whenTrue,
    );
  }

  /** Combines the axes away, starting from `initial`. */
  reduce(operation: Combiner, x: HloValue, over: Reduction): HloValue {
    const initial = this.scalar(over.initial, x.type);
    const shape = x.shape.filter((_, axis) => !over.axes.includes(axis));
    const text =
      `stablehlo.reduce(${x.name} init: ${initial.name}) applies stablehlo.${operation} ` +
      `across dimensions = ${list(over.axes)}`;
    return this.typed(text, [x, initial], { shape, type: x.type });
  }

  sum(x: HloValue, axes: readonly number[]): HloValue {
    return this.reduce('add', x, { axes, initial: 0 });
  }
}

export type Combiner = 'add' | 'multiply' | 'maximum' | 'minimum';

export interface Reduction {
  readonly axes: readonly number[];
  readonly initial: number;
}

export function names(values: readonly HloValue[]): string {
  return values.map(({ name }) => name).join(', ');
}

export function list(numbers: readonly number[]): string {
  return `[${numbers.join(', ')}]`;
}

/** The region of a scatter or window reduction that adds. */
export function addRegion(type: ElementType): string {
  const scalar = `tensor<${type}>`;
  return (
    `({ ^bb0(%left: ${scalar}, %right: ${scalar}): %total = stablehlo.add %left, %right : ${scalar} ` +
    `stablehlo.return %total : ${scalar} })`
  );
}

/** Floats by their bits: exact, and the only way to write infinities and NaN. */
function scalarLiteral(value: number, type: ElementType): string {
  if (type === 'i1') return value === 0 ? 'false' : 'true';
  if (type !== 'f32') return String(value);
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
  return `0x${bits.toString(16).toUpperCase().padStart(8, '0')}`;
}
