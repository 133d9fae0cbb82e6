/** Loading engines in this process, with the libraries that `setup` left in the cache folder. */
import {
  loadEngine,
  loadOnnx,
  loadOpenvino,
  loadReference,
  openvinoStatus,
  type Engine,
  type EngineName,
  type EngineUnavailable,
} from '@microtune/engine';

/** @throws MicrotuneError `usage` saying why no engine loads and what to do */
export function openEngine(name: EngineName | 'auto', cacheFolder: string): Promise<Engine> {
  const status = openvinoStatus(cacheFolder);
  return loadEngine(name, {
    librariesFolder: status.state === 'ready' ? status.librariesFolder : undefined,
  });
}

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
      if (status.state === 'ready') {
        return loadOpenvino({ librariesFolder: status.librariesFolder });
      }
      return { name, reason: status.reason, remedy: 'microtune setup openvino' };
    }
    case 'reference':
      return loadReference();
  }
}

/** One line: what, why, and the command that would fix it. */
export function unavailableText({ name, reason, remedy }: EngineUnavailable): string {
  return `engine ${name} does not load: ${reason}${remedy === undefined ? '' : ` (try: ${remedy})`}`;
}
