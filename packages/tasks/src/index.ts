export { createCollator } from './collator.js';
export type { Batch, Collate, Fill, Recipe } from './collator.js';
export { bufferOf, perPlace, perToken } from './input-spec.js';
export type { InputBuffer, InputSpec } from './input-spec.js';
export { createTokenCollator, tokenInputs } from './token-inputs.js';
export type { TokenOptions } from './token-inputs.js';
export { outputNames } from './task.js';
export type { EvaluatedShard, Metrics, MetricsWithLoss, Outputs, Task } from './task.js';
export { findTask, taskOfOptions } from './find-task.js';
export type { FoundTask, ModelKind } from './find-task.js';
export { openTask } from './open-task.js';
export type { TaskPlaces } from './open-task.js';
export type { OpenedTask, TaskSplit } from './opened-task.js';
export { classIds, ignoreIndex, targets, targetWeights } from './labels/label-inputs.js';
export { gatherLogits } from './labels/logits-digest.js';
export { labelTask } from './labels/label-task.js';
export type { LabelTaskOptions } from './labels/label-task.js';
export { loadChatTemplate } from './chat/chat-template.js';
export type { ChatTemplate, TemplateOptions } from './chat/chat-template.js';
export { readConversation } from './chat/conversation.js';
export type { Conversation, Message, Role } from './chat/conversation.js';
export { causalInputs } from './causal-lm/causal-inputs.js';
export { createCausalCollator, targetsIn } from './causal-lm/causal-collator.js';
export { causalMetricNames, correctName } from './causal-lm/causal-digest.js';
export { formText } from './causal-lm/data-form.js';
export type { DataForm, FormOptions } from './causal-lm/data-form.js';
export { encodeSamples } from './causal-lm/encode-samples.js';
export type { EncodeOptions, EncodedSamples, SampleSource } from './causal-lm/encode-samples.js';
export type { LossOn } from './causal-lm/example.js';
export { inspectSamples } from './causal-lm/inspect-samples.js';
export type {
  InspectRequest,
  Inspection,
  ShownPart,
  ShownSample,
} from './causal-lm/inspect-samples.js';
export { readModelLimits } from './causal-lm/model-limits.js';
export type { ModelLimits } from './causal-lm/model-limits.js';
export { openCausalSplits } from './causal-lm/open-causal-splits.js';
export type { CausalConfig, CausalPlaces } from './causal-lm/open-causal-splits.js';
export { openCausalFile } from './causal-lm/open-causal-file.js';
export type { CausalFileOptions, OpenedCausalFile } from './causal-lm/open-causal-file.js';
export { dayOf, openModelFolder } from './causal-lm/open-model-folder.js';
export type { FolderOptions, OpenedModelFolder } from './causal-lm/open-model-folder.js';
export { openSamples } from './causal-lm/open-samples.js';
export type { OpenedSamples } from './causal-lm/open-samples.js';
export { countNotes } from './causal-lm/sample-counts.js';
export type { SampleCounts } from './causal-lm/sample-counts.js';
export { isTarget, samplesOfRows, selectSamples } from './causal-lm/samples.js';
export type { CausalSamples } from './causal-lm/samples.js';
