/**
 * Where each parameter lies in a flat block: all dense parameters in one run of numbers (what the all-reduce and the
 * optimizer walk over), each row table apart. What weight decay touches comes first, in the program's order, so that the
 * optimizer walks two ranges; every parameter starts on 64 bytes, the gaps stay zero in parameters, gradients and moments
 * alike. What is not trained has no place.
 */
import { assert } from '@microtune/shared';
import type { Parameter } from '../program/program.js';

/** Numbers per 64 bytes. */
const alignment = 16;

export interface Range {
  /** Numbers from the start of the dense block. */
  readonly start: number;
  readonly count: number;
}

export interface ParameterLayout {
  /** Those that are trained. */
  readonly parameters: readonly Parameter[];
  /** Numbers in the dense block, gaps included. */
  readonly denseCount: number;
  /** Place of each dense parameter, by name. */
  readonly places: ReadonlyMap<string, Range>;
  /** Contiguous ranges of the dense block with and without weight decay. */
  readonly decayRanges: readonly (Range & { readonly decay: boolean })[];
  /** Parameters whose gradient is row-sparse, in the program's order. */
  readonly tables: readonly Parameter[];
}

/** @param all of the program: those that are not trained are left out */
export function layOutParameters(all: readonly Parameter[]): ParameterLayout {
  const trained = all.filter(({ trainable }) => trainable);
  const parameters = [
    ...trained.filter(({ decay }) => decay),
    ...trained.filter(({ decay }) => !decay),
  ];
  const places = new Map<string, Range>();
  const decayRanges: { start: number; count: number; decay: boolean }[] = [];
  let end = 0;
  for (const { name, shape, decay, gradient } of parameters) {
    if (gradient === 'rows') continue;
    assert(!places.has(name), `parameter ${name} is there once`);
    const count = elementCount(shape);
    const padded = Math.ceil(count / alignment) * alignment;
    places.set(name, { start: end, count });
    const last = decayRanges.at(-1);
    if (last?.decay === decay) last.count += padded;
    else decayRanges.push({ start: end, count: padded, decay });
    end += padded;
  }
  const tables = parameters.filter(({ gradient }) => gradient === 'rows');
  return { parameters, denseCount: end, places, decayRanges, tables };
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
