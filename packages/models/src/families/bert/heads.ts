/** The heads that BERT can have. */
import type { LabelTask } from '@microtune/shared';
import { pooledHead } from '../../heads/pooled-head.js';
import type { Head } from '../../program/head.js';
import type { BertConfig } from './config.js';
import { paths } from './modules.js';

export function bertHead(
  config: BertConfig,
  { task, labelSmoothing }: { readonly task: LabelTask; readonly labelSmoothing: number },
): Head {
  const { pooler, classifier } = paths;
  return pooledHead({
    task,
    labelSmoothing,
    pooler,
    classifier,
    width: config.hiddenSize,
    dropout: config.classifierDropout,
  });
}
