/** A trained model where the user wants it: device and engine chosen as for a run, then the model opened there. */
import { cpus } from 'node:os';
import type { Engine } from '@microtune/engine';
import { loadEngine } from '@microtune/engine/load';
import {
  openModel,
  type LanguageModel,
  type Model,
  type OpenModelOptions,
} from '@microtune/inference';
import { MicrotuneError, type ParsedConfig } from '@microtune/shared';
import { graphStoreIn } from '../engines/graph-store.js';
import { pinnedEnvironment } from '../training/pin-worker.js';
import { placeRun } from '../training/place-run.js';
import { findGpusAside } from './find-gpus-aside.js';

export interface PlacedModelOptions extends Pick<
  ParsedConfig,
  'engine' | 'devices' | 'bf16' | 'tf32'
> {
  /** Engine threads. Default: all cores. */
  readonly threads?: number | undefined;
  readonly maxSeqLength?: number | undefined;
  /** Folder of an adapter's base model, in place of the one that its file names. */
  readonly base?: string | undefined;
  readonly cacheFolder: string;
  /** process.env: a card is chosen through it, and engine libraries read it. */
  readonly variables: NodeJS.ProcessEnv;
  readonly onNote: (note: string) => void;
  readonly words?: OpenModelOptions['words'];
  /** What the folder is taken for. Default: what its config.json says. */
  readonly task?: ParsedConfig['task'];
}

/**
 * @throws MicrotuneError as `openModel`; `usage` for a device or an engine that this machine lacks
 */
export function openPlacedModel(
  folder: string,
  options: PlacedModelOptions,
): Promise<Model | LanguageModel> {
  const { bf16, maxSeqLength, base, cacheFolder, threads = cpus().length, words } = options;
  return openModel(folder, {
    task: options.task === 'causal-lm' ? { kind: options.task } : undefined,
    maxSeqLength,
    base,
    cacheFolder,
    words,
    today: new Date(),
    graphStore: graphStoreIn(cacheFolder),
    compile: { precision: bf16 ? 'bf16' : 'f32', threads },
    openEngine: () => placeEngine({ ...options, threads }),
  });
}

async function placeEngine(
  options: PlacedModelOptions & { readonly threads: number },
): Promise<Engine> {
  const { cacheFolder, variables, threads, tf32, onNote } = options;
  const devices = oneDevice(options.devices);
  const config = { ...options, devices, workers: 1, oversubscribe: false };
  const { engine, gpus, note } = await placeRun(config, {
    cacheFolder,
    variables,
    findGpus: findGpusAside,
  });
  if (note !== undefined) onNote(note);
  const [gpu] = gpus;
  if (gpu !== undefined) setVariables(variables, pinnedEnvironment(variables, { gpu, tf32 }));
  const platform = gpu === undefined ? 'cpu' : 'cuda';
  return loadEngine(engine, { cacheFolder, environment: variables, threads, platform, tf32 });
}

/** All cards mean the first: one model computes on one. */
function oneDevice(devices: ParsedConfig['devices']): ParsedConfig['devices'] {
  if ((devices?.length ?? 0) > 1) {
    throw new MicrotuneError(
      'usage',
      `--devices ${devices?.join(',')}: a model answers on one device: name one`,
    );
  }
  return devices?.[0] === 'cuda' ? ['cuda:0'] : devices;
}

function setVariables(
  variables: NodeJS.ProcessEnv,
  wanted: Readonly<Record<string, string | undefined>>,
): void {
  for (const [name, value] of Object.entries(wanted)) {
    // Assigning undefined to process.env would make it the text "undefined".
    if (value === undefined) Reflect.deleteProperty(variables, name);
    else variables[name] = value;
  }
}
