/** Which engine `auto` means on this machine, without loading any: workers load it, the coordinator never does. */
import { openvinoStatus } from '@microtune/engine';
import { MicrotuneError, type ParsedConfig, type ResolvedConfig } from '@microtune/shared';

export interface EngineChoice {
  readonly engine: ResolvedConfig['engine'];
  /** Why not a better one. */
  readonly note: string | undefined;
}

/** @throws MicrotuneError `usage` when the engine asked for is not set up, or the choice cannot do bf16 */
export function chooseEngine(config: ParsedConfig, cacheFolder: string): EngineChoice {
  if (config.engine === 'onnx' || config.engine === 'reference')
    return { engine: config.engine, note: undefined };
  const openvino = openvinoStatus(cacheFolder);
  if (openvino.state === 'ready') return { engine: 'openvino', note: undefined };
  const remedy = 'microtune setup openvino';
  if (config.engine === 'openvino') {
    throw new MicrotuneError('usage', `--engine openvino: ${openvino.reason}: run ${remedy}`);
  }
  if (config.bf16) {
    throw new MicrotuneError(
      'usage',
      `--bf16 needs the engine openvino, and ${openvino.reason}: run ${remedy}`,
    );
  }
  return {
    engine: 'onnx',
    note: `engine onnx, because ${openvino.reason}; openvino is faster: ${remedy}`,
  };
}
