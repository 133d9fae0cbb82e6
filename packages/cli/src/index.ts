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
  Finish,
  GeneratedPiece,
  GeneratedText,
  GenerateOptions,
  GenerateRowsOptions,
  Generation,
  LanguageModel,
  Model,
  ModelEngine,
  Prediction,
  PredictRowsOptions,
  Prompt,
  RowAnswer,
  RowText,
  TextEvaluation,
  TextInput,
  ValuePrediction,
} from '@microtune/inference';
