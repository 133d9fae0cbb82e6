export { alignedFloats, createArena } from './create-arena.js';
export type { AdamWStep, Arena, Slot } from './arena.js';
export { gatherRows, sumRowsById } from './rows.js';
