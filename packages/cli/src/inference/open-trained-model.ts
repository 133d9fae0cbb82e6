/** A trained folder, ready to answer: weights, tokenizer, engine and what training said about columns. */
import { existsSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { loadTextTokenizer, type LabelMapping, type TextTokenizer } from '@microtune/data';
import {
  loadEngine,
  type EngineName,
  type NativeEnvironment,
  type Precision,
} from '@microtune/engine';
import { loadModel, type LoadedModel } from '@microtune/models';
import { MicrotuneError, checkpointStep } from '@microtune/shared';
import { shortVersion } from '../output/format.js';
import { ModelRunner } from './model-runner.js';
import { readRunSettings, type RunSettings } from './run-settings.js';

export interface InferenceOptions {
  readonly maxSeqLength?: number | undefined;
  readonly engine: EngineName | 'auto';
  readonly threads?: number | undefined;
  readonly bf16: boolean;
  readonly cacheFolder: string;
  /** process.env, for engine libraries that read it. */
  readonly environment: NativeEnvironment;
}

export interface TrainedModel {
  readonly model: LoadedModel;
  readonly runner: ModelRunner;
  readonly tokenizer: TextTokenizer;
  readonly mapping: LabelMapping;
  readonly settings: RunSettings;
  /** Tokens per row at most. */
  readonly maxSeqLength: number;
  /** e.g. `openvino 2026.0 f32`. */
  readonly engineText: string;
}

/**
 * @param folder a run folder, one of its checkpoints, or any model folder in HuggingFace layout
 * @throws MicrotuneError `usage` when there is no model, or the engine does not load; `data` for broken files
 */
export async function openTrainedModel(
  folder: string,
  options: InferenceOptions,
): Promise<TrainedModel> {
  requireModel(folder);
  const settings = await readRunSettings(folder);
  const model = await loadModel(folder, { seed: 0 });
  requireHead(model, folder);
  const maxSeqLength = Math.min(options.maxSeqLength ?? settings.maxSeqLength, model.maxTokens);
  const tokenizer = await loadTextTokenizer(folder, maxSeqLength);
  const { cacheFolder, environment, threads = cpus().length } = options;
  const engine = await loadEngine(options.engine, { cacheFolder, environment, threads });
  const precision: Precision = options.bf16 ? 'bf16' : 'f32';
  if (!engine.precisions.includes(precision)) {
    const able = engine.precisions.join(', ');
    throw new MicrotuneError(
      'usage',
      `--bf16: engine ${engine.name} runs ${able} on this machine: leave --bf16 out`,
    );
  }
  const runner = await ModelRunner.load({ model, engine, precision, threads });
  const { problemType, labels } = model.task;
  return {
    model,
    runner,
    tokenizer,
    mapping: { problemType, labels: problemType === 'regression' ? [] : labels },
    settings,
    maxSeqLength,
    engineText: `${engine.name} ${shortVersion(engine.version)} ${precision}`,
  };
}

function requireModel(folder: string): void {
  if (!existsSync(folder)) throw new MicrotuneError('usage', `run folder ${folder} does not exist`);
  if (existsSync(join(folder, 'config.json'))) return;
  const newest = readdirSync(folder)
    .flatMap((name) => checkpointStep(name) ?? [])
    .sort((a, b) => b - a)[0];
  const offer =
    newest === undefined
      ? ''
      : `; its newest checkpoint is ${join(folder, `checkpoint-${newest}`)}`;
  throw new MicrotuneError(
    'usage',
    `${folder} holds no trained model (config.json is missing)${offer}`,
  );
}

/** A head made from the seed would answer with noise. */
function requireHead(model: LoadedModel, folder: string): void {
  if (model.notes.length === 0) return;
  throw new MicrotuneError('usage', `${folder} is not a trained model: ${model.notes.join('; ')}`);
}
