export { openModel } from './open-model.js';
export type { OpenModelOptions } from './open-model.js';
export type {
  Evaluation,
  EvaluateOptions,
  Model,
  ModelEngine,
  PredictRowsOptions,
  RowAnswer,
} from './model.js';
export type { Figures } from './forward-runner.js';
export type { ClassPrediction, Prediction, ValuePrediction } from './prediction.js';
export type { TextInput } from './text-input.js';
