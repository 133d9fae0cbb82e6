/** What `microtune bench` can measure. */
export const benchKinds = ['engine', 'train', 'scaling', 'allreduce'] as const;
