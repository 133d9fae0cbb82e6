/** Forward and backward pass of one batch, per engine and precision: the engine alone, without sums and optimizer. */
import {
  isEngine,
  tryEngine,
  type Engine,
  type EngineName,
  type LoadEngineOptions,
  type Precision,
} from '@microtune/engine';
import { unavailableText } from '../engines/unavailable-text.js';
import { benchBatch, benchModel, type BenchShape } from './bench-model.js';
import { spreadOf, timesOf, type Spread } from './statistics.js';
import { outputBuffers, syntheticInputs } from './synthetic-inputs.js';

export interface EngineBenchOptions extends BenchShape, LoadEngineOptions {
  readonly engines: readonly EngineName[];
  readonly precisions: readonly Precision[];
  readonly rows: number;
  readonly tokens: number;
  readonly threads: number;
  readonly repeats: number;
}

export interface EngineResult extends Spread {
  readonly engine: string;
  readonly version: string;
  readonly precision: Precision;
  readonly threads: number;
  /** Of the median time. */
  readonly tokensPerSecond: number;
  /** Tracing and compiling, once per shape. */
  readonly compileMs: number;
}

export interface EngineBench {
  readonly results: readonly EngineResult[];
  /** Engines that were left out, and why. */
  readonly notes: readonly string[];
}

export async function benchEngines(options: EngineBenchOptions): Promise<EngineBench> {
  const results: EngineResult[] = [];
  const notes: string[] = [];
  for (const name of options.engines) {
    const engine = await tryEngine(name, options);
    if (!isEngine(engine)) {
      notes.push(unavailableText(engine));
      continue;
    }
    for (const precision of options.precisions) {
      if (engine.precisions.includes(precision))
        results.push(await measure(engine, precision, options));
      else notes.push(`engine ${name} does not run ${precision} on this machine`);
    }
    engine.dispose();
  }
  return { results, notes };
}

async function measure(
  engine: Engine,
  precision: Precision,
  options: EngineBenchOptions,
): Promise<EngineResult> {
  const { rows, tokens, threads, repeats } = options;
  const start = performance.now();
  const { program } = benchModel(options);
  const shape = { rows, tokens, samplesPerRow: 1 };
  const { graph } = await program.traceTraining(shape);
  const executable = await engine.compile(graph, { precision, threads });
  const compileMs = performance.now() - start;
  const inputs = syntheticInputs(executable.inputs, benchBatch(program, shape).inputs);
  const outputs = outputBuffers(executable.outputs);
  const times = await timesOf(() => executable.run(inputs, outputs), { repeats, warmups: 3 });
  executable.dispose();
  const spread = spreadOf(times);
  return {
    engine: engine.name,
    version: engine.version,
    precision,
    threads,
    ...spread,
    tokensPerSecond: (rows * tokens * 1000) / spread.medianMs,
    compileMs,
  };
}
