export { alignedFloats, createArena, marksCount } from './create-arena.js';
export type { AdamWStep, Arena, RowMarks, Slot, TableSlots } from './arena.js';
export { gatherRows, sumRowsById } from './rows.js';
