/** A trained folder, ready to answer: weights, tokenizer, engine and what training said about columns. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadSpanTokenizer, loadTextTokenizer } from '@microtune/data';
import type { CompileOptions, Engine } from '@microtune/engine';
import { loadModel, type GraphStore, type LoadedModel } from '@microtune/models';
import {
  MicrotuneError,
  adapterConfigFile,
  checkpointStep,
  defaultMaxSeqLength,
  modelConfigFile,
  type TaskSpec,
} from '@microtune/shared';
import { dayOf, loadChatTemplate } from '@microtune/tasks';
import { readGenerationConfig } from './sampling/generation-config.js';
import { isOfLabels, type LabelModel } from './label-model.js';
import { ForwardRunner } from './forward-runner.js';
import { LanguageModel } from './language-model.js';
import { Model, type ModelEngine } from './model.js';
import { readRunSettings, type RunSettings } from './run-settings.js';
import { readWeights } from './weights.js';

export interface OpenModelOptions {
  /** What the folder is taken for. Default: what its config.json says. */
  readonly task?: Extract<TaskSpec, { kind: 'causal-lm' }> | undefined;
  /** Tokens per row at most. Default: as in training. */
  readonly maxSeqLength?: number | undefined;
  /** Folder of an adapter's base model. Default: as its adapter_config.json says. */
  readonly base?: string | undefined;
  readonly compile: CompileOptions;
  /** For chat templates that write the day. */
  readonly today: Date;
  /** Of tokenized files. */
  readonly cacheFolder: string;
  /** How the model says what is wrong: messages name options as the command line does. @default as they are */
  readonly words?: ((text: string) => string) | undefined;
  /** Of traced graphs; undefined keeps none. */
  readonly graphStore: GraphStore | undefined;
  /** Loads what computes; the model closes it. @throws MicrotuneError `usage` saying why it does not load */
  openEngine(): Promise<Engine>;
}

/**
 * @param folder a run folder, one of its checkpoints, or any model folder in HuggingFace layout
 * @throws MicrotuneError `usage` when there is no trained model, or the engine does not load or lacks the precision; `data` for
 *   broken files
 */
export async function openModel(
  folder: string,
  options: OpenModelOptions,
): Promise<Model | LanguageModel> {
  requireModel(folder);
  const settings = await readRunSettings(folder);
  const { task, base } = options;
  const model = await loadModel(folder, { seed: 0, base, ...(task === undefined ? {} : { task }) });
  requireHead(model, folder);
  return isOfLabels(model)
    ? openLabels(folder, { model, settings, options })
    : openLanguage(folder, { model, settings, options });
}

interface Opening<Loaded extends LoadedModel> {
  readonly model: Loaded;
  readonly settings: RunSettings;
  readonly options: OpenModelOptions;
}

async function openLabels(
  folder: string,
  { model, settings, options }: Opening<LabelModel>,
): Promise<Model> {
  const maxSeqLength = Math.min(
    options.maxSeqLength ?? settings.maxSeqLength ?? defaultMaxSeqLength['sequence-classification'],
    model.maxTokens,
  );
  const files = tokenizerFolder(folder, model);
  const [tokenizer, computing] = await Promise.all([
    loadTextTokenizer(files, maxSeqLength),
    openRunner(model, options),
  ]);
  return new Model({
    ...{ folder, model, tokenizer, settings, ...computing },
    ...namedIn(options),
    tokenizerFolder: files,
    maxSeqLength: tokenizer.maxSeqLength,
  });
}

async function openLanguage(
  folder: string,
  { model, settings, options }: Opening<LoadedModel>,
): Promise<LanguageModel> {
  const files = tokenizerFolder(folder, model);
  const { templateDate, chatTemplate } = settings.language;
  const today = templateDate === undefined ? options.today : dayOf(templateDate);
  const tokenizer = await loadSpanTokenizer(files);
  const [template, generation, computing] = await Promise.all([
    loadChatTemplate(files, { today, file: chatTemplate }),
    readGenerationConfig(files, tokenizer),
    openRunner(model, options),
  ]);
  return new LanguageModel({
    ...{ folder, model, tokenizer, template, generation, settings, ...computing },
    ...namedIn(options),
    tokenizerFolder: files,
    maxSeqLength: Math.min(
      options.maxSeqLength ?? settings.maxSeqLength ?? defaultMaxSeqLength['causal-lm'],
      model.maxTokens,
    ),
  });
}

const namedIn = ({ cacheFolder, words = (text) => text }: OpenModelOptions) => ({
  cacheFolder,
  words,
});

/** Weights and engine, ready to compute. */
async function openRunner(
  model: LoadedModel,
  { compile, graphStore, openEngine }: OpenModelOptions,
): Promise<{ readonly runner: ForwardRunner; readonly engine: ModelEngine }> {
  const [weights, engine] = await Promise.all([readWeights(model), openEngine()]);
  requirePrecision(engine, compile);
  const runner = await ForwardRunner.open({ model, weights, engine, compile, graphStore });
  const { name, version, device } = engine;
  return { runner, engine: { name, version, device, precision: compile.precision } };
}

/** PEFT writes no tokenizer beside an adapter: it is the base model's. */
function tokenizerFolder(folder: string, { adapter }: LoadedModel): string {
  const isHere = ['tokenizer.json', 'vocab.txt'].some((file) => existsSync(join(folder, file)));
  return isHere || adapter === undefined ? folder : adapter.base;
}

function requireModel(folder: string): void {
  if (!existsSync(folder)) throw new MicrotuneError('usage', `run folder ${folder} does not exist`);
  if (!statSync(folder).isDirectory())
    throw new MicrotuneError('usage', `run folder ${folder} is not a folder`);
  // An adapter that PEFT wrote has its own alone.
  if ([modelConfigFile, adapterConfigFile].some((file) => existsSync(join(folder, file)))) return;
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

function requirePrecision(engine: Engine, { precision }: CompileOptions): void {
  const { name, precisions } = engine;
  if (precisions.includes(precision)) return;
  engine.dispose();
  throw new MicrotuneError(
    'usage',
    `${precision}: engine ${name} runs ${precisions.join(', ')} on this machine: leave bf16 out`,
  );
}
