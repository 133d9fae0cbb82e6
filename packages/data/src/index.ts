export { ignoreIndex } from './dataset.js';
export type {
  Batch,
  LabelMapping,
  TokenBatch,
  TokenizedDataset,
  TokenizedTexts,
} from './dataset.js';
export { readRows } from './read-rows.js';
export type { ReadOptions, Row } from './row.js';
export { findTextColumns } from './columns.js';
export type { ColumnOptions, TextColumns, Texts } from './columns.js';
export { labelNumber } from './label-table.js';
export type { LabelEntry, RawLabel } from './label-table.js';
export { buildLabelMapping, createLabelLookup } from './label-mapping.js';
export type { MappingOptions } from './label-mapping.js';
export { readModelLabels } from './model-labels.js';
export type { ModelLabels } from './model-labels.js';
export { loadTextTokenizer } from './text-tokenizer.js';
export type { Encoded, TextTokenizer } from './text-tokenizer.js';
export { tokenizeTexts } from './tokenize-texts.js';
export { openDataset } from './open-dataset.js';
export type { DatasetRequest } from './open-dataset.js';
export { mappingOf, openSplits } from './open-splits.js';
export type { SplitConfig, SplitPlaces, Splits } from './open-splits.js';
export { reportData } from './data-report.js';
export type { DataReport, RepeatedRows, SplitReport, Spread } from './data-report.js';
export { openRows } from './open-rows.js';
export type { OpenedRow, RowOptions, RowSource } from './open-rows.js';
export type { ColumnConfig } from './source-data.js';
export { chooseEvaluationShapes, chooseShapes } from './choose-shapes.js';
export type { ShapeRequest, ShardForms } from './choose-shapes.js';
export { cutShards, shapeCost } from './cut-shards.js';
export type { Packing } from './pack-rows.js';
export { epochOrder, planEvaluation, planSteps, planTraining } from './planner.js';
export type { PlanConfig, StepPlan, StepPlanRequest, TrainingPlan } from './planner.js';
export { assignShards } from './assign-shards.js';
export { createBatcher, createTokenBatcher } from './batcher.js';
export type { Batcher, BatcherOptions, TokenBatcher } from './batcher.js';
export { computeMetrics, metricNames } from './metrics/metrics.js';
export type { MetricOptions, Metrics, MetricsWithLoss, Predictions } from './metrics/metrics.js';
export { createDropoutMasks } from './dropout-masks.js';
export type { DropoutMasks, MaskPlace, MaskSite } from './dropout-masks.js';
