export type { AllReduce, PartialSum, Reduced, ShardLoss } from './all-reduce.js';
export type {
  ControlClient,
  ControlClientEvent,
  ControlServer,
  ControlServerEvent,
} from './control.js';
export { allReduceFloats, createAllReduce } from './create-all-reduce.js';
export type { AllReduceOptions } from './create-all-reduce.js';
export { createMemoryControl } from './memory-control.js';
export type { MemoryControl } from './memory-control.js';
export { createMemoryTransports } from './memory-transport.js';
export { addTables, createPartialSums, sumsHeld } from './partial-sums.js';
export type { PartialSums, PartialSumsOptions } from './partial-sums.js';
export { createSlotPool } from './slot-pool.js';
export type { SlotPool } from './slot-pool.js';
export type { SparseRows } from './sparse-rows.js';
export type { Frame, FrameHeader, Transport } from './transport.js';
export type { TreeNode } from './tree.js';
export { TreeFold } from './tree-fold.js';
export type { FoldEntry, Merge } from './tree-fold.js';
export { createZeromqControlClient } from './zeromq-control-client.js';
export type { ControlClientOptions } from './zeromq-control-client.js';
export { createZeromqControlServer } from './zeromq-control-server.js';
export type { ControlServerOptions } from './zeromq-control-server.js';
export { createZeromqTransport } from './zeromq-transport.js';
export type { ZeromqTransportOptions } from './zeromq-transport.js';
