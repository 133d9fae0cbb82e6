import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress } from './progress.js';

const clock = { now: () => vi.getMockedSystemTime()?.getTime() ?? 0, timestamp: () => '' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('createProgress', () => {
  it('tells at most once a second, and always the latest phase', () => {
    const told: { phase: string; at: number }[] = [];
    const progress = createProgress(clock, (phase) => told.push({ phase, at: clock.now() }));
    for (let i = 0; i < 25; i++) {
      progress.enter(`shard ${i}`, 1);
      vi.advanceTimersByTime(100);
    }
    progress.enter('all-reduce', 1);
    vi.advanceTimersByTime(5000);
    expect(told.length).toBe(4);
    const gaps = told.slice(1).map(({ at }, i) => at - (told[i]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000);
    expect(told.at(-1)?.phase).toBe('all-reduce');
  });
});
