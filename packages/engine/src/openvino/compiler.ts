/**
 * ONNX bytes in, executable out: the library, its core, what it says about this CPU, and graphs compiled before.
 * Settings that measurement chose (docs/decisions/0002-openvino-graph-forms.md):
 * - ENABLE_CPU_PINNING=NO: otherwise two processes of one thread pin themselves to the same core and halve.
 * - PERFORMANCE_HINT=LATENCY: one request with all threads.
 */
import { messageOf } from '@microtune/shared';
import type { CompileOptions, Executable, LoweredGraph, Precision } from '../engine.js';
import { OpenvinoBindings } from './bindings.js';
import type { Handle, Properties } from './bindings.js';
import { borderType, checkElementTypes } from './element-types.js';
import { OpenvinoExecutable } from './executable.js';
import type { ModelCache } from './model-cache.js';
import { nativePrecisions, parseCapabilities, requirePrecision } from './precision.js';

export class OpenvinoCompiler {
  /** Name of the CPU. */
  readonly device: string;
  readonly version: string;
  readonly precisions: readonly Precision[];
  readonly #bindings: OpenvinoBindings;
  readonly #core: Handle;
  readonly #capabilities: readonly string[];
  readonly #cache: ModelCache;

  /**
   * @param file full path of `libopenvino_c.so.*`
   * @param cache compiled graphs of this release
   * @throws MicrotuneError `usage` when the libraries do not load or are of another release
   */
  constructor(file: string, cache: ModelCache) {
    this.#cache = cache;
    this.#bindings = new OpenvinoBindings(file);
    checkElementTypes(this.#bindings);
    this.version = this.#bindings.version();
    this.#core = this.#bindings.createCore();
    this.device = this.#bindings.cpuProperty(this.#core, 'FULL_DEVICE_NAME');
    const capabilities = this.#bindings.cpuProperty(this.#core, 'OPTIMIZATION_CAPABILITIES');
    this.#capabilities = parseCapabilities(capabilities);
    this.precisions = nativePrecisions(this.#capabilities);
  }

  /** @throws MicrotuneError `usage` for a precision that this CPU lacks, `internal` when the graph is refused */
  async compile(model: LoweredGraph, options: CompileOptions): Promise<Executable> {
    requirePrecision(options.precision, this.device, this.#capabilities);
    const settings = propertiesOf(options);
    const identity = [this.version, this.device, ...this.#capabilities, JSON.stringify(settings)];
    const read = await this.#bindings.readModel(this.#core, model.bytes);
    try {
      const compiled = await this.#cache.use([...identity, model.bytes], (folder) => {
        const properties = folder === undefined ? settings : { ...settings, CACHE_DIR: folder };
        return this.#compileRead(read, properties);
      });
      return this.#executable(model, compiled);
    } finally {
      this.#bindings.freeModel(read);
    }
  }

  /** Executables made before stay usable: each keeps what it needs of the core alive. */
  dispose(): void {
    this.#bindings.freeCore(this.#core);
  }

  /**
   * OpenVINO 2026.4 cannot fuse the elementwise chains of some valid graphs (a Reshape between a product and sums on
   * the way to a LayerNorm is one): it fails in its pass TokenizeSnippets. Without that fusion it runs them, slower.
   */
  async #compileRead(read: Handle, properties: Properties): Promise<Handle> {
    try {
      return await this.#bindings.compileModel(this.#core, read, properties);
    } catch (error) {
      if (!messageOf(error).includes('TokenizeSnippets')) throw error;
      const unfused = { ...properties, SNIPPETS_MODE: 'DISABLE' };
      return this.#bindings.compileModel(this.#core, read, unfused);
    }
  }

  #executable({ inputs, outputs }: LoweredGraph, compiled: Handle): Executable {
    const bindings = this.#bindings;
    try {
      const elementTypes = new Map([
        ...inputs.map(
          (spec) => [spec.name, borderType(bindings, compiled, 'input', spec)] as const,
        ),
        ...outputs.map(
          (spec) => [spec.name, borderType(bindings, compiled, 'output', spec)] as const,
        ),
      ]);
      const handles = { compiled, request: bindings.createRequest(compiled) };
      return new OpenvinoExecutable({ bindings, handles, elementTypes, inputs, outputs });
    } catch (error) {
      bindings.freeCompiled(compiled);
      throw error;
    }
  }
}

/**
 * The hint is always f32: `bf16` would round everything between the products too, which spoils gradients
 * (docs/decisions/0004-bf16-products.md); the graph itself says which products are in bfloat16.
 */
function propertiesOf({ threads }: CompileOptions): Properties {
  return {
    INFERENCE_PRECISION_HINT: 'f32',
    INFERENCE_NUM_THREADS: String(threads),
    PERFORMANCE_HINT: 'LATENCY',
    ENABLE_CPU_PINNING: 'NO',
  };
}
