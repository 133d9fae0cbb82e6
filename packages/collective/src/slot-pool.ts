/**
 * Gradient-sized slots that are lent and given back. The arena only ever gives; how many slots a step needs depends on
 * its shards, so those of one step serve the next.
 */
import type { Arena, Slot } from '@microtune/arena';

export interface SlotPool {
  /** @throws MicrotuneError `usage` when the arena cannot hold one more */
  take(): Slot;
  giveBack(slot: Slot): void;
}

/** @param count float32 values of each slot */
export function createSlotPool(arena: Arena, count: number): SlotPool {
  const free: Slot[] = [];
  return {
    take: () => free.pop() ?? arena.allocate(count),
    giveBack: (slot) => free.push(slot),
  };
}
