/** What a transformer family (bert/ and later ones) gives to the code that loads and saves folders. */
import type { TaskSpec } from '@microtune/shared';
import type { ModelProgram } from '../program/program.js';
import type { MethodSpec } from '../methods/method-spec.js';
import type { HfConfig } from './config-file.js';
import type { InitialValue } from './initial-values.js';

/** Dropout rates that the user sets above config.json; a key missing leaves the file's. */
export interface ModelOverrides {
  hiddenDropoutProb?: number;
  attentionProbsDropoutProb?: number;
  classifierDropout?: number;
}

export interface FamilyOptions {
  readonly config: HfConfig;
  readonly task: TaskSpec;
  readonly labelSmoothing: number;
  /** What is trained. */
  readonly method?: MethodSpec | undefined;
  /** config.json, for messages. */
  readonly file: string;
}

/** Equal options make equal graphs. */
export const identityOf = ({ config, task, labelSmoothing, method }: FamilyOptions): string =>
  JSON.stringify([config, task, labelSmoothing, method ?? { kind: 'full' }], (_, value: unknown) =>
    value instanceof RegExp ? value.source : value,
  );

export interface FamilyModel {
  readonly program: ModelProgram;
  /** Longest row in tokens. */
  readonly maxTokens: number;
  /** Token ids and token types are below these. */
  readonly vocabSize: number;
  readonly typeVocabSize: number;
  readonly padTokenId: number;
  /** Layers of the encoder. */
  readonly numLayers: number;
  readonly hiddenSize: number;
  /** Which of the encoder's layers a tensor of a file belongs to, from 0; undefined for all outside of them. */
  layerOf(fileName: string): number | undefined;
  /** Names that a checkpoint tensor may have in a file, best first. */
  fileNames(tensor: string): readonly string[];
  /** Tensors that a pretrained folder may lack: they are created from the seed. */
  mayBeCreated(tensor: string): boolean;
  initialValue(tensor: string): InitialValue;
}

export interface ModelFamily {
  /** Each token sees those before it alone: the model can be a language model. */
  readonly readsForward: boolean;
  /** `architectures` of a saved folder. */
  architecture(task: TaskSpec): string;
  /** @throws MicrotuneError `data` for a config.json that does not fit */
  create(options: FamilyOptions): FamilyModel;
}
