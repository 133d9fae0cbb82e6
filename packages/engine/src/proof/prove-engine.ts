/**
 * The same bits for any number of workers is a promise about kernels, and kernels differ by CPU. So an engine proves on
 * the machine where it runs that its results do not follow the number of threads, before the first run there. Where one
 * way to multiply does not hold, the next exact one is taken; where none does, the engine is refused.
 */
import type { ProductPrecision } from '../tensorflow/matmul-lowering.js';
import type { Measured } from './measure-engine.js';

export type Proof =
  | {
      readonly state: 'proved';
      /** How products are multiplied: the first of the forms that held. */
      readonly products: ProductPrecision;
      /** Of the forms before it, what differed. */
      readonly given: readonly string[];
      readonly threads: readonly number[];
    }
  | {
      readonly state: 'refused';
      readonly reason: string;
      readonly threads: readonly number[];
    };

export interface ProveOptions {
  /** Fastest first. */
  readonly forms: readonly ProductPrecision[];
  /** Numbers of threads that runs may have: 1, and that of the run. */
  readonly threads: readonly number[];
  /** Loads the engine in a process of its own and measures it there. @throws MicrotuneError when that fails */
  measure(products: ProductPrecision, threads: number): Promise<Measured>;
}

/** @throws what `measure` throws */
export async function proveEngine({ forms, threads, measure }: ProveOptions): Promise<Proof> {
  const given: string[] = [];
  for (const products of forms) {
    const difference = await firstDifference(products, { threads, measure });
    if (difference === undefined) return { state: 'proved', products, given, threads };
    given.push(forms.length > 1 ? `${products}: ${difference}` : difference);
  }
  return { state: 'refused', reason: given.join('; '), threads };
}

async function firstDifference(
  products: ProductPrecision,
  { threads, measure }: Pick<ProveOptions, 'threads' | 'measure'>,
): Promise<string | undefined> {
  const [fewest, ...others] = [...threads].sort((a, b) => a - b);
  if (fewest === undefined) return undefined;
  const expected = await measure(products, fewest);
  for (const [name, hash] of Object.entries(expected))
    if (hash.startsWith('differ')) return `${name} ${hash}`;
  for (const count of others) {
    const actual = await measure(products, count);
    const name = Object.keys(expected).find((each) => actual[each] !== expected[each]);
    if (name === undefined) continue;
    if (actual[name]?.startsWith('differ') === true) return `${name} ${actual[name]}`;
    return `${name} differs between ${String(fewest)} and ${String(count)} threads`;
  }
  return undefined;
}
