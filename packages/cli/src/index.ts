export { defineConfig } from './define-config.js';
export { loadModel } from './load-model.js';
export type { LoadModelOptions } from './load-model.js';
export { train } from './train.js';
export type { TrainEvent, TrainOptions, TrainingRun } from './train.js';
export { MicrotuneError, exitCodeOf } from '@microtune/shared';
export type { ErrorCode, ResolvedConfig, RunConfig } from '@microtune/shared';
export type { Summary } from '@microtune/coordinator';
export type {
  ClassPrediction,
  Evaluation,
  EvaluateOptions,
  EvaluateTextsOptions,
  Figures,
  LanguageModel,
  Model,
  ModelEngine,
  Prediction,
  PredictRowsOptions,
  RowAnswer,
  TextEvaluation,
  TextInput,
  ValuePrediction,
} from '@microtune/inference';
