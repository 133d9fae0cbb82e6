import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createMemoryMeter } from './memory-meter.js';

describe('createMemoryMeter', () => {
  it('keeps the highest sum it saw, and knows nothing before the first look', ({ skip }) => {
    if (!existsSync('/proc/self/smaps_rollup'))
      skip('memory is read from /proc, which is not here');
    const meter = createMemoryMeter([process.pid]);
    expect(meter.peakBytes()).toBeUndefined();
    const block = Buffer.alloc(64 * 2 ** 20, 1);
    meter.sample();
    const peak = meter.peakBytes() ?? 0;
    expect(peak).toBeGreaterThan(block.length);
    meter.sample();
    expect(meter.peakBytes()).toBeGreaterThanOrEqual(peak);
  });

  it('leaves out processes that are gone', () => {
    const meter = createMemoryMeter([2 ** 22 + 1]);
    meter.sample();
    expect(meter.peakBytes()).toBeUndefined();
  });
});
