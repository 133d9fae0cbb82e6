export { defineConfig } from './define-config.js';
export { loadModel } from './load-model.js';
export type { LoadModelOptions } from './load-model.js';
export { train } from './train.js';
export type { TrainOptions } from './train.js';
export { MicrotuneError, exitCodeOf } from '@microtune/shared';
export type { ErrorCode, ResolvedConfig, RunConfig } from '@microtune/shared';
export type { RunNews, RunObserver, Summary } from '@microtune/coordinator';
export type {
  ClassPrediction,
  Evaluation,
  EvaluateOptions,
  Model,
  ModelEngine,
  Prediction,
  PredictRowsOptions,
  RowAnswer,
  TextInput,
  ValuePrediction,
} from '@microtune/inference';
