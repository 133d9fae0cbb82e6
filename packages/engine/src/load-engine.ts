/** Which engines there are and how each loads: the one table an engine is added to. */
import { MicrotuneError } from '@microtune/shared';
import type { Engine, EngineName, EngineUnavailable } from './engine.js';
import { loadOnnx } from './onnx/onnx-engine.js';
import { loadOpenvino } from './openvino/engine.js';
import { loadReference } from './reference/reference-engine.js';

export interface LoadEngineOptions {
  /** Where `setup openvino` put the libraries; undefined when it did not. */
  readonly librariesFolder?: string | undefined;
}

const loaders: {
  [Name in EngineName]: (options: LoadEngineOptions) => Promise<Engine | EngineUnavailable>;
} = {
  openvino: ({ librariesFolder }) => loadOpenvino({ librariesFolder }),
  onnx: loadOnnx,
  reference: loadReference,
};

/** Best first: what `auto` tries. The reference is for comparisons; nobody is given it unasked. */
const automatic: readonly EngineName[] = ['openvino', 'onnx'];

export function isEngine(loaded: Engine | EngineUnavailable): loaded is Engine {
  return 'compile' in loaded;
}

/** Every engine: loaded, or why it does not load here. The caller disposes of them. */
export async function availableEngines(
  options: LoadEngineOptions = {},
): Promise<readonly (Engine | EngineUnavailable)[]> {
  return Promise.all(Object.values(loaders).map((load) => load(options)));
}

/**
 * Loads an engine; `auto` takes the first of openvino and onnx that loads and tells `explain` why not a better one.
 * @throws MicrotuneError `usage` saying why it does not load and what to do
 */
export async function loadEngine(
  name: EngineName | 'auto',
  options: LoadEngineOptions & { readonly explain?: (reason: string) => void } = {},
): Promise<Engine> {
  const reasons: string[] = [];
  for (const candidate of name === 'auto' ? automatic : [name]) {
    const loaded = await loaders[candidate](options);
    if (isEngine(loaded)) {
      if (reasons.length > 0) options.explain?.(`engine ${candidate}: ${reasons.join('; ')}`);
      return loaded;
    }
    const remedy = loaded.remedy === undefined ? '' : `; to have it: ${loaded.remedy}`;
    reasons.push(`engine ${candidate} does not load: ${loaded.reason}${remedy}`);
  }
  throw new MicrotuneError('usage', reasons.join('; '));
}
