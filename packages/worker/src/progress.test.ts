import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress } from './progress.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('createProgress', () => {
  it('tells once a second, always the latest phase, also while nothing new begins', () => {
    const told: string[] = [];
    const progress = createProgress((phase, step) => told.push(`${phase} of step ${step}`));
    vi.advanceTimersByTime(5000);
    expect(told).toEqual([]);
    for (let i = 0; i < 25; i++) {
      progress.enter(`shard ${i}`, 1);
      vi.advanceTimersByTime(100);
    }
    progress.enter('all-reduce', 2);
    vi.advanceTimersByTime(2000);
    expect(told).toEqual([
      'shard 0 of step 1',
      'shard 9 of step 1',
      'shard 19 of step 1',
      'all-reduce of step 2',
      'all-reduce of step 2',
    ]);
    progress.close();
    vi.advanceTimersByTime(2000);
    expect(told).toHaveLength(5);
  });
});
