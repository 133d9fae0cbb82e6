export {
  MicrotuneError,
  assert,
  errorCodes,
  exitCodeOf,
  exitCodes,
  messageOf,
  reworded,
} from './errors.js';
export type { ErrorCode } from './errors.js';
export { diskErrorText } from './disk-error.js';
export { systemClock } from './clock.js';
export type { Clock } from './clock.js';
export {
  placesIn,
  samplesIn,
  shapeKey,
  shardRangeSchema,
  shardSchema,
  shardShapeSchema,
} from './plan.js';
export type { Shard, ShardRange, ShardShape } from './plan.js';
export { languageOptions } from './language-config.js';
export { methodNames, methodOptions } from './method-config.js';
export type { MethodName } from './method-config.js';
export {
  defaultMaxSeqLength,
  isLabelTask,
  labelCount,
  labelsOf,
  problemTypeOf,
  problemTypes,
  taskNames,
  taskSpecSchema,
} from './task-spec.js';
export type { LabelTask, ProblemType, TaskKind, TaskName, TaskSpec } from './task-spec.js';
export {
  adapterConfigFile,
  adapterWeightsFile,
  asideFolder,
  checkpointStep,
  companionFiles,
  isCheckpointFile,
  isModelFile,
  isWeightsFile,
  modelAside,
  modelConfigFile,
  optimizerFile,
  parseAside,
  runFolder,
  settledPath,
  trainerStateFile,
  youngRun,
} from './run-folder.js';
export type { AsideKind, RunFolder } from './run-folder.js';
export { makeFolder } from './make-folder.js';
export { cardNumber, deviceListSchema, deviceOfRank } from './devices.js';
export type { WorkerDevice } from './devices.js';
export {
  engineChoices,
  engineNames,
  optionName,
  parseRunConfig,
  refusedOptions,
  resolvedConfigSchema,
  runConfigSchema,
  schedulerTypes,
  strategies,
} from './config.js';
export type { EngineName, ParsedConfig, ResolvedConfig, RunConfig } from './config.js';
export {
  coordinatorMessageSchema,
  parseMessage,
  protocolVersion,
  saveKinds,
  workerMessageSchema,
} from './messages.js';
export type {
  CoordinatorMessage,
  DeviceInfo,
  Envelope,
  GpuInfo,
  Message,
  StepTimings,
  WorkerMessage,
} from './messages.js';
