/**
 * Where each parameter lies in a flat block: all dense parameters in one run of numbers (what the all-reduce and the
 * optimizer walk over), each row table apart. What weight decay touches comes first, in the program's order, so that the
 * optimizer walks two ranges, more where learning rates differ; every parameter starts on 64 bytes, the gaps stay zero in parameters, gradients and moments
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

export interface UpdateRange extends Range {
  /** Weight decay applies. */
  readonly decay: boolean;
  /** What the learning rate is multiplied by. */
  readonly rateFactor: number;
}

export interface ParameterLayout {
  /** Those that are trained. */
  readonly parameters: readonly Parameter[];
  /** Numbers in the dense block, gaps included. */
  readonly denseCount: number;
  /** Place of each dense parameter, by name. */
  readonly places: ReadonlyMap<string, Range>;
  /** Contiguous ranges of the dense block that are updated alike. */
  readonly decayRanges: readonly UpdateRange[];
  /** Parameters whose gradient is row-sparse, in the program's order. */
  readonly tables: readonly Parameter[];
}

/** @param all of the program: those that are not trained are left out */
export function layOutParameters(all: readonly Parameter[]): ParameterLayout {
  const trained = all.filter(({ trainable }) => trainable);
  const parameters = trained.toSorted(
    (a, b) => Number(b.decay) - Number(a.decay) || factorOf(a) - factorOf(b),
  );
  const places = new Map<string, Range>();
  const decayRanges: (UpdateRange & { count: number })[] = [];
  let end = 0;
  for (const parameter of parameters) {
    const { name, shape, decay, gradient } = parameter;
    const rateFactor = factorOf(parameter);
    if (gradient === 'rows') continue;
    assert(!places.has(name), `parameter ${name} is there once`);
    const count = elementCount(shape);
    const padded = Math.ceil(count / alignment) * alignment;
    places.set(name, { start: end, count });
    const last = decayRanges.at(-1);
    if (last?.decay === decay && last.rateFactor === rateFactor) last.count += padded;
    else decayRanges.push({ start: end, count: padded, decay, rateFactor });
    end += padded;
  }
  const tables = parameters.filter(({ gradient }) => gradient === 'rows');
  return { parameters, denseCount: end, places, decayRanges, tables };
}

/** See Parameter.rateFactor. */
export function factorOf({ rateFactor = 1 }: Pick<Parameter, 'rateFactor'>): number {
  return rateFactor;
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
