/** Loading engines in this process: the one asked for, or the best that works here. */
import {
  loadOnnx,
  loadOpenvino,
  loadReference,
  openvinoStatus,
  type Engine,
  type EngineName,
  type EngineUnavailable,
} from '@microtune/engine';
import { MicrotuneError } from '@microtune/shared';

/** Best first: what `auto` tries. The reference is for comparisons; nobody is given it unasked. */
const automatic: readonly EngineName[] = ['openvino', 'onnx'];

/** Loads one engine, or says why it cannot be loaded. */
export async function tryEngine(
  name: EngineName,
  cacheFolder: string,
): Promise<Engine | EngineUnavailable> {
  switch (name) {
    case 'onnx':
      return loadOnnx();
    case 'openvino': {
      const status = openvinoStatus(cacheFolder);
      if (status.state === 'ready')
        return loadOpenvino({ librariesFolder: status.librariesFolder });
      return { name, reason: status.reason, remedy: 'microtune setup openvino' };
    }
    case 'reference':
      return loadReference();
  }
}

export function isLoaded(engine: Engine | EngineUnavailable): engine is Engine {
  return 'compile' in engine;
}

/** @throws MicrotuneError `usage` saying why no engine loads and what to do */
export async function openEngine(name: EngineName | 'auto', cacheFolder: string): Promise<Engine> {
  const reasons: string[] = [];
  for (const candidate of name === 'auto' ? automatic : [name]) {
    const engine = await tryEngine(candidate, cacheFolder);
    if (isLoaded(engine)) return engine;
    reasons.push(unavailableText(engine));
  }
  throw new MicrotuneError('usage', reasons.join('; '));
}

/** One line: what, why, and the command that would fix it. */
export function unavailableText({ name, reason, remedy }: EngineUnavailable): string {
  return `engine ${name} does not load: ${reason}${remedy === undefined ? '' : ` (try: ${remedy})`}`;
}
