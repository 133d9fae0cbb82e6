export { graphNames } from './program/program.js';
export type { DropoutSite, ModelProgram, Parameter, TracedGraph } from './program/program.js';
export { compileGeneration, compileGraph, traceGraph } from './program/compile-graph.js';
export { keptNameOf } from './program/generation-shape.js';
export type { GenerationShape } from './program/generation-shape.js';
export type { CompiledGraph, GraphKind, GraphRequest } from './program/compile-graph.js';
export { GraphStore } from './program/kept-graphs.js';
export type { KeptGraph } from './program/kept-graphs.js';
export { createModel, loadModel } from './folder/load-model.js';
export type { LoadedModel, ModelOptions } from './folder/load-model.js';
export { checkWeights } from './folder/check-weights.js';
export { requireFit } from './folder/require-fit.js';
export type { ModelOverrides } from './folder/family.js';
export type { HfConfig } from './folder/config-file.js';
export { askedTask } from './folder/task.js';
export type { TaskOptions } from './folder/task.js';
export { adapterOptions, loraDefaults, methodOf } from './methods/method-spec.js';
export type { MethodSpec } from './methods/method-spec.js';
export { describeTrained } from './methods/describe-trained.js';
export { saveModel } from './folder/save-model.js';
export { exportModel } from './folder/export-model.js';
export type { ExportOptions } from './folder/export-model.js';
export { SavedWeights } from './folder/saved-weights.js';
export type { SaveModelOptions } from './folder/save-model.js';
export {
  loadCheckpoint,
  loadWeights,
  readTrainerState,
  saveCheckpoint,
} from './checkpoint/checkpoint.js';
export type { SaveCheckpointOptions } from './checkpoint/checkpoint.js';
export { paramsSha256, stateSha256, weightsSha256 } from './checkpoint/state-hash.js';
export { layOutParameters } from './optimizer/layout.js';
export type { ParameterLayout, Range } from './optimizer/layout.js';
export { allocateBlock } from './optimizer/parameter-block.js';
export type { ParameterBlock } from './optimizer/parameter-block.js';
export { allocateFrozen } from './optimizer/frozen-weights.js';
export type { FrozenWeights } from './optimizer/frozen-weights.js';
export { allocateTrainingState, blockCount, weightsOf } from './optimizer/training-state.js';
export type { TrainingState } from './optimizer/training-state.js';
export { AdamW, optimizerCount, squaresOfRows } from './optimizer/adamw.js';
export type { AdamWSettings, Gradient, StepFactors, Update } from './optimizer/adamw.js';
export type { SparseRows } from './optimizer/row-table.js';
export { clipCoefficient } from './optimizer/clipping.js';
export { SafetensorsFile } from './safetensors/reader.js';
export { writeSafetensors } from './safetensors/writer.js';
