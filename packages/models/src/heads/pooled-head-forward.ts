/** The tensors of pooled-head.ts. Letters: R rows, S samples per row, H hidden, C labels. */
import { tanh } from '@tensorflow/tfjs-core';
import type { HeadForward } from '../program/head.js';
import { forwardOf } from './label-forward.js';
import type { PooledHeadOptions } from './pooled-head.js';

export function pooledHeadForward(options: PooledHeadOptions): HeadForward {
  const { pooler, classifier, dropout } = options;
  return forwardOf(options, ({ ops, hidden }) => {
    const pooled = tanh(ops.linear(pooler, hidden)); // [R * S, H]
    return ops.linear(classifier, ops.drop(classifier, dropout, pooled)); // [R * S, C]
  });
}
