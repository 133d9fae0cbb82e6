/**
 * A model from a HuggingFace folder, or from a config alone. Opening checks everything that can be wrong (config,
 * names, shapes, dtypes) from the headers; `load` then reads the weights straight into the caller's buffers.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MicrotuneError, assert, modelConfigFile, type TaskSpec } from '@microtune/shared';
import { familyOf } from '../families/families.js';
import type { TensorView } from '../optimizer/parameter-block.js';
import type { ModelProgram, Parameter } from '../program/program.js';
import type { MethodSpec } from '../methods/method-spec.js';
import { ModelFiles } from '../safetensors/model-files.js';
import { convertToFloat32, isFloatDtype, notFloat } from '../safetensors/dtype.js';
import { readAdapterFolder, type AdapterFolder } from './adapter-folder.js';
import { readConfig, type HfConfig } from './config-file.js';
import type { FamilyModel, ModelOverrides } from './family.js';
import { fillInitial, fillLengths } from './initial-values.js';
import { peftTaskTypes, taskOfAdapter } from './adapter-task.js';
import { openAdapterTensors } from './adapter-tensors.js';
import { resolveTask, withTask, type TaskOptions } from './task.js';

export interface ModelOptions extends TaskOptions {
  overrides?: ModelOverrides;
  /** Of tensors that no file gives. */
  seed: number;
  /** All weights are created from `seed`, and the folder need not hold any. Default: those of the folder. */
  fromScratch?: boolean;
  /** Default 0. */
  labelSmoothing?: number;
  /** What is trained. Default: everything, and of an adapter's folder what it says. */
  method?: MethodSpec;
  /** Folder of an adapter to go on from, of that method and this base model. */
  adapter?: string | undefined;
  /** Folder of an adapter's base model, in place of the one that its file names. */
  base?: string | undefined;
}

export interface SavedAdapter {
  /** Folder of the base model. */
  readonly base: string;
  /** How adapter_config.json names it: as the user did, so that a project can move as a whole. */
  readonly baseName: string;
  /** adapter_config.json without that name. */
  readonly config: HfConfig;
}

export interface LoadedModel {
  /** Where tokenizer files are; undefined for a model made from a config alone. */
  readonly folder: string | undefined;
  /** config.json as it will be saved. */
  readonly config: HfConfig;
  readonly task: TaskSpec;
  readonly program: ModelProgram;
  /** Longest row in tokens. */
  readonly maxTokens: number;
  /** Token ids and token types are below these. */
  readonly vocabSize: number;
  readonly typeVocabSize: number;
  readonly padTokenId: number;
  /** Set where what is trained is saved as an adapter. */
  readonly adapter: SavedAdapter | undefined;
  /** Things the user should know, e.g. a head created from the seed. */
  readonly notes: readonly string[];
  /** Names that a tensor may have in a file, best first. */
  fileNames(tensor: string): readonly string[];
  /**
   * Fills every parameter, into arrays of the parameter's count (arena views), or the bytes of one that is in `bfloat16`.
   * @throws MicrotuneError `data` naming the file and the tensor, e.g. one with values that are not finite
   */
  load(into: Destination): Promise<void>;
  /** Names of parameters that the folder holds in bfloat16, which may be loaded as they are. */
  readonly bfloat16?: ReadonlySet<string>;
}

/** Memory of a parameter; bytes take bfloat16 as it lies in the file. Asked for one by one. */
export type Destination = (parameter: Parameter) => Float32Array | Uint8Array;

/**
 * @throws MicrotuneError `usage` for a missing folder, an unsupported model_type or contradicting options (an adapter from scratch);
 * `data` for a broken config.json or safetensors file, a missing tensor, a wrong shape or dtype, layers left over
 */
export async function loadModel(folder: string, options: ModelOptions): Promise<LoadedModel> {
  const adapter = await readAdapterFolder(folder, { base: options.base });
  if (adapter !== undefined) return loadAdapted(folder, adapter, options);
  if (options.base !== undefined) {
    throw new MicrotuneError(
      'usage',
      `base: ${folder} holds a whole model, no adapter: leave --base out`,
    );
  }
  const { model, ...common } = describe(
    await readConfig(folder),
    options,
    join(folder, modelConfigFile),
  );
  if (options.fromScratch === true) return { folder, ...created(model, common, options.seed) };
  const { sources, bfloat16 } = await sourcesIn(folder, model);
  const start = await startOf(folder, { model, sources }, options);
  return {
    folder,
    ...common,
    bfloat16,
    adapter: adapterOf(model, common.task, { base: folder, baseName: folder }),
    notes: [...creationNotes(folder, start.created, options.seed), ...start.notes],
    load: async (into) => {
      await readTensors(folder, { model, sources, seed: options.seed }, into);
      await start.read((parameter) => floats(into(parameter)));
    },
  };
}

/** What the base model's folder does not give: from the adapter to go on from, or made from the seed. */
async function startOf(
  base: string,
  { model, sources }: { readonly model: FamilyModel; readonly sources: Sources },
  { adapter }: ModelOptions,
) {
  const created = [...sources].filter(([, found]) => found === undefined).map(([name]) => name);
  if (adapter === undefined)
    return { created, notes: [], read: (): Promise<void> => Promise.resolve() };
  const { missing, read } = await openAdapterTensors(adapter, {
    program: model.program,
    base,
    mayBeMissing: (name) => !model.program.added.has(name) && model.mayBeCreated(name),
  });
  const trained = new Set(
    model.program.parameters.filter(({ trainable }) => trainable).map(({ name }) => name),
  );
  return {
    // What the adapter brings is not made anew.
    created: created.filter((name) => !trained.has(name) || missing.includes(name)),
    notes: [`trained on from the adapter ${adapter}`],
    read,
  };
}

/** A base model with what was trained on it. */
async function loadAdapted(
  folder: string,
  { base, baseName, method, taskType }: AdapterFolder,
  options: ModelOptions,
): Promise<LoadedModel> {
  if (options.fromScratch === true) {
    throw new MicrotuneError(
      'usage',
      `${folder} holds an adapter, which is trained on weights: --from_scratch needs a model folder, e.g. ${base}`,
    );
  }
  if (options.method !== undefined && options.method.kind !== 'full') {
    throw new MicrotuneError(
      'usage',
      `${folder} holds an adapter: to train it on, give it as --adapter_name_or_path, and its base model (${base}) as --model_name_or_path`,
    );
  }
  // Ours have a config.json of their own, with the labels; those of PEFT have none.
  const isOurs = existsSync(join(folder, modelConfigFile));
  const described = isOurs ? folder : base;
  const asked = isOurs ? {} : await taskOfAdapter(folder, taskType);
  const { model, ...common } = describe(
    await readConfig(described),
    { ...asked, ...options, method },
    join(described, modelConfigFile),
  );
  const { sources, bfloat16 } = await sourcesIn(base, model);
  const tensors = await openAdapterTensors(folder, {
    program: model.program,
    base,
    mayBeMissing: () => false,
  });
  return {
    folder,
    ...common,
    bfloat16,
    adapter: adapterOf(model, common.task, { base, baseName }),
    notes: [],
    load: async (into) => {
      await readTensors(base, { model, sources, seed: options.seed }, into);
      await tensors.read((parameter) => floats(into(parameter)));
    },
  };
}

async function sourcesIn(
  folder: string,
  model: FamilyModel,
): Promise<{ sources: Sources; bfloat16: ReadonlySet<string> }> {
  const files = await ModelFiles.open(folder);
  try {
    const sources = findTensors(files, model);
    refuseUnusedLayers(files, model, sources);
    const isBfloat16 = (found: string | undefined): boolean =>
      found !== undefined && files.entry(found)?.dtype === 'BF16';
    const inBfloat16 = [...sources].filter(([, found]) => isBfloat16(found));
    return { sources, bfloat16: new Set(inBfloat16.map(([name]) => name)) };
  } finally {
    await files.close();
  }
}

function adapterOf(
  { program: { adapterConfig } }: FamilyModel,
  { kind }: TaskSpec,
  base: { readonly base: string; readonly baseName: string },
): LoadedModel['adapter'] {
  return adapterConfig && { ...base, config: { ...adapterConfig, task_type: peftTaskTypes[kind] } };
}

/**
 * A model with random weights, initialised as transformers does: for demos and measurements.
 * @param config keys as in config.json, `model_type` among them
 */
export function createModel(config: HfConfig, options: ModelOptions): LoadedModel {
  const { model, ...common } = describe(config, options, 'config');
  return { folder: undefined, ...created(model, common, options.seed) };
}

/** A model none of whose weights are read. */
function created(
  model: FamilyModel,
  common: Omit<Described, 'model'>,
  seed: number,
): Omit<LoadedModel, 'folder'> {
  return {
    ...common,
    adapter: undefined,
    notes: [`all weights are random, from seed ${seed}`],
    load: async (into) => {
      const tensors = destinations(model.program, into);
      for (const tensor of tensors) createTensor(model, tensor, { tensors, seed });
    },
  };
}

/** Of each checkpoint tensor its name in the file, or undefined when it is created. */
type Sources = ReadonlyMap<string, string | undefined>;

type Described = Omit<LoadedModel, 'folder' | 'adapter' | 'notes' | 'load'> & {
  model: FamilyModel;
};

function describe(raw: HfConfig, options: ModelOptions, file: string): Described {
  refuseQuantized(raw, file);
  const family = familyOf(raw, file);
  const task = resolveTask(raw, options, file);
  const labelSmoothing = options.labelSmoothing ?? 0;
  if (labelSmoothing > 0 && task.kind === 'regression') {
    throw new MicrotuneError('usage', 'label_smoothing_factor has no meaning for regression');
  }
  const config = {
    ...withTask(withOverrides(raw, options.overrides ?? {}), task),
    architectures: [family.architecture(task)],
  };
  const model = family.create({ config, task, labelSmoothing, method: options.method, file });
  const { program, maxTokens, vocabSize, typeVocabSize, padTokenId, fileNames } = model;
  const limits = { maxTokens, vocabSize, typeVocabSize, padTokenId };
  return { config, task, program, ...limits, fileNames, model };
}

/** The names and shapes of such a folder's tensors would not fit either, but say nothing of why. */
function refuseQuantized({ quantization_config: quantization }: HfConfig, file: string): void {
  if (quantization === undefined || quantization === null) return;
  const method =
    typeof quantization === 'object' && 'quant_method' in quantization
      ? ` (${String(quantization.quant_method)})`
      : '';
  throw new MicrotuneError(
    'usage',
    `${file}: the model is quantized${method}: quantized weights cannot be trained; take the model in its original precision`,
  );
}

function withOverrides(config: HfConfig, overrides: ModelOverrides): HfConfig {
  const keys = {
    hidden_dropout_prob: overrides.hiddenDropoutProb,
    attention_probs_dropout_prob: overrides.attentionProbsDropoutProb,
    classifier_dropout: overrides.classifierDropout,
  };
  const given = Object.entries(keys).filter(([, value]) => value !== undefined);
  return { ...config, ...Object.fromEntries(given) };
}

function findTensors(files: ModelFiles, model: FamilyModel): Sources {
  const sources = new Map<string, string | undefined>();
  for (const tensor of model.program.parameters) {
    // The method's own begin anew.
    if (model.program.added.has(tensor.name)) continue;
    const found = model.fileNames(tensor.name).find((name) => files.has(name));
    if (found === undefined && !model.mayBeCreated(tensor.name)) {
      throw new MicrotuneError('data', `${files.folder}: tensor "${tensor.name}" is missing`);
    }
    if (found !== undefined)
      checkTensor(files, found, { ...tensor, isHead: model.mayBeCreated(tensor.name) });
    sources.set(tensor.name, found);
  }
  return sources;
}

/**
 * Heads and buffers may be left over, but not a part of a layer: the model would compute something else than the
 * one that was saved, and train on without a word.
 */
function refuseUnusedLayers(
  files: ModelFiles,
  { numLayers, layerOf }: Pick<FamilyModel, 'numLayers' | 'layerOf'>,
  sources: Sources,
): void {
  const used = new Set(sources.values());
  const unused = files.names().flatMap((name) => {
    const layer = layerOf(name);
    const dtype = files.entry(name)?.dtype;
    const isLeft =
      layer !== undefined && !used.has(name) && dtype !== undefined && isFloatDtype(dtype);
    return isLeft ? [{ name, layer }] : [];
  });
  const [first] = unused.toSorted((a, b) => b.layer - a.layer);
  if (first === undefined) return;
  const { name, layer } = first;
  throw new MicrotuneError(
    'data',
    layer >= numLayers
      ? `${join(files.folder, modelConfigFile)}: the number of layers is ${numLayers}, the weights hold ${layer + 1} (tensor "${name}"): ` +
          'take the config.json that the weights were saved with'
      : `${files.pathOf(name)}: tensor "${name}" has no place in layer ${layer} of the model that config.json describes: ` +
          'take the config.json that the weights were saved with',
  );
}

const headAdvice =
  ': the model was trained for another number of labels; use data (or --num_labels) that fits it, or a model without a head';

function checkTensor(
  files: ModelFiles,
  name: string,
  { shape, isHead }: Pick<Parameter, 'shape'> & { isHead: boolean },
): void {
  const entry = files.entry(name);
  const problem =
    entry === undefined
      ? 'is missing'
      : !isFloatDtype(entry.dtype)
        ? notFloat(entry.dtype)
        : entry.shape.join() !== shape.join()
          ? `has shape [${entry.shape.join(', ')}], expected [${shape.join(', ')}]${isHead ? headAdvice : ''}`
          : undefined;
  if (problem !== undefined) {
    throw new MicrotuneError('data', `${files.pathOf(name)}: tensor "${name}" ${problem}`);
  }
}

function creationNotes(folder: string, created: string[], seed: number): string[] {
  if (created.length === 0) return [];
  return [`${created.sort().join(', ')} not found in ${folder}: created from seed ${seed}`];
}

async function readTensors(
  folder: string,
  from: { model: FamilyModel; sources: Sources; seed: number },
  into: Destination,
): Promise<void> {
  const files = await ModelFiles.open(folder);
  try {
    const tensors = destinations(from.model.program, into);
    for (const tensor of tensors) {
      const name = from.sources.get(tensor.name);
      if (name === undefined) createTensor(from.model, tensor, { tensors, seed: from.seed });
      else await files.readInto(name, tensor.shape, tensor.values);
    }
  } finally {
    await files.close();
  }
}

/** A tensor with its memory, as `Destination` gives it. */
type StoredTensor = Omit<TensorView, 'values'> & { readonly values: Float32Array | Uint8Array };

function destinations(program: ModelProgram, into: Destination): StoredTensor[] {
  return program.parameters.map((parameter) => ({ ...parameter, values: into(parameter) }));
}

function floats(destination: Float32Array | Uint8Array): Float32Array {
  assert(destination instanceof Float32Array, 'what no file holds in bfloat16 is float32');
  return destination;
}

function widened(stored: Float32Array | Uint8Array): Float32Array {
  if (stored instanceof Float32Array) return stored;
  const values = new Float32Array(stored.length / 2);
  convertToFloat32('BF16', stored, values);
  return values;
}

function createTensor(
  model: FamilyModel,
  { name, shape, values: stored }: StoredTensor,
  from: {
    /** All of the model; those before it are filled. */
    readonly tensors: readonly StoredTensor[];
    readonly seed: number;
  },
): void {
  const values = floats(stored);
  const initial = model.program.added.get(name) ?? model.initialValue(name);
  if (initial.kind !== 'lengths') {
    fillInitial(values, initial, { seed: from.seed, name, shape });
    return;
  }
  const matrix = from.tensors.find((tensor) => tensor.name === initial.of);
  assert(matrix, `${initial.of} is a tensor of the model`);
  fillLengths(values, initial, { ...matrix, values: widened(matrix.values) });
}
