/** Rows of a table, with a gradient that the pass rows-on-host can keep row-sparse. */
import { gather } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { registerGradients } from '../gradients/register-gradients.js';

/**
 * table[ids[i]] for each i. In a graph it is one gather, and its gradient one segmentSum: what rowsOnHost() looks for.
 * @param table [V, H]
 * @param ids int32 [N], each in [0, V)
 * @returns [N, H]
 */
export function embedding(table: Tensor, ids: Tensor): Tensor {
  registerGradients();
  return gather(table, ids as never, 0);
}
