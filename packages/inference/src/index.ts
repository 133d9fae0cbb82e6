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
export { LanguageModel } from './language-model.js';
export type {
  EvaluateTextsOptions,
  GenerateRowsOptions,
  TextEvaluation,
} from './language-model.js';
export type { RowText } from './generation/answer-rows.js';
export type { GenerateOptions } from './generation/generate-options.js';
export type { Finish } from './generation/generate-texts.js';
export type { GeneratedPiece, GeneratedText, Generation } from './generation/generation.js';
export type { Prompt } from './generation/prompt.js';
export type { Figures } from './forward-runner.js';
export type { ClassPrediction, Prediction, ValuePrediction } from './prediction.js';
export type { TextInput } from './text-input.js';
export { chooseToken } from './sampling/choose-token.js';
export type { DrawPlace } from './sampling/choose-token.js';
export { readGenerationConfig } from './sampling/generation-config.js';
export type { GenerationConfig } from './sampling/generation-config.js';
export { checkSampling, greedy } from './sampling/sampling-options.js';
export type { SamplingOptions } from './sampling/sampling-options.js';
export { createStopFinder } from './sampling/stop-strings.js';
export type { StopFinder } from './sampling/stop-strings.js';
export { tokenProbabilities } from './sampling/token-probabilities.js';
