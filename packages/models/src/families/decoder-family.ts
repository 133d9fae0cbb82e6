/** What all decoders give to the code that loads and saves folders: a family says only what is its own. */
import type { HfConfig } from '../folder/config-file.js';
import { identityOf, type FamilyModel, type ModelFamily } from '../folder/family.js';
import { decoderArchitecture, decoderHead } from '../heads/decoder-head.js';
import type { Body } from '../program/body.js';
import { createProgram } from '../program/create-program.js';

/** Of a family's config what is read here. */
interface DecoderConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  /** The output layer is the embedding table. */
  readonly tieWordEmbeddings: boolean;
  /** Longest row in tokens. */
  readonly maxTokens: number;
  readonly padTokenId: number | undefined;
}

export interface DecoderFamilyOptions<Config extends DecoderConfig> extends Pick<
  FamilyModel,
  'layerOf' | 'fileNames' | 'mayBeCreated'
> {
  /** What HuggingFace's class names begin with. */
  readonly className: string;
  /** HuggingFace's class of the family as a language model, e.g. `LlamaForCausalLM`. */
  readonly language: string;
  /** Path of an output layer that is not the table of words. */
  readonly output: string;
  /** @throws MicrotuneError naming the file and the key that does not fit */
  parse(config: HfConfig, file: string): Config;
  body(config: Config): Body;
  initialValue(tensor: string, config: Config): ReturnType<FamilyModel['initialValue']>;
}

export function decoderFamily<Config extends DecoderConfig>({
  className,
  language,
  output,
  parse,
  body: bodyOf,
  initialValue,
  ...folder
}: DecoderFamilyOptions<Config>): ModelFamily {
  return {
    readsForward: true,
    architecture: (task) => decoderArchitecture(task, { className, language }),
    create: (options): FamilyModel => {
      const { config: raw, task, labelSmoothing, method, file } = options;
      const config = parse(raw, file);
      const body = bodyOf(config);
      const head = decoderHead({
        ...{ body, task, labelSmoothing },
        output: config.tieWordEmbeddings ? undefined : output,
      });
      return {
        program: createProgram({ identity: identityOf(options), body, head, method }),
        maxTokens: config.maxTokens,
        vocabSize: config.vocabSize,
        typeVocabSize: 1,
        // What stands in padding does not matter: nothing looks at it.
        padTokenId: config.padTokenId ?? 0,
        numLayers: config.numLayers,
        hiddenSize: config.hiddenSize,
        initialValue: (tensor) => initialValue(tensor, config),
        ...folder,
      };
    },
  };
}
