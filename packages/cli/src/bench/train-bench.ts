/** Whole training steps through real worker processes: engine, sums, all-reduce, optimizer and protocol. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Summary } from '@microtune/coordinator';
import type { EngineName } from '@microtune/engine';
import { checkConfig } from '../config/load-config.js';
import { launchTraining } from '../training/launch-training.js';
import { benchRows, writeBenchModel, type BenchShape } from './bench-model.js';

export interface TrainBenchCase {
  readonly engine: EngineName | 'auto';
  readonly bf16: boolean;
  readonly workers: number;
  readonly threadsPerWorker: number;
}

export interface TrainBenchOptions extends BenchShape {
  /** Rows per optimizer step. */
  readonly rows: number;
  readonly tokens: number;
  /** Padded tokens per shard. */
  readonly microBatchTokens: number;
  readonly steps: number;
  readonly cacheFolder: string;
  /** process.env */
  readonly variables: NodeJS.ProcessEnv;
  readonly stop: AbortSignal;
}

/** Makes model and data in a temporary folder, runs the cases one after the other, and cleans up. */
export async function benchTraining(
  cases: readonly TrainBenchCase[],
  options: TrainBenchOptions,
): Promise<Summary[]> {
  const folder = await mkdtemp(join(tmpdir(), 'microtune-bench-'));
  try {
    const model = join(folder, 'model');
    await mkdir(model);
    await writeBenchModel(model, options);
    const data = join(folder, 'train.tsv');
    await writeFile(data, benchRows({ rows: options.rows * 4, tokens: options.tokens }));
    const summaries: Summary[] = [];
    for (const [at, each] of cases.entries()) {
      const config = checkConfig({
        modelNameOrPath: model,
        trainFile: data,
        outputDir: join(folder, `run-${at}`),
        maxSeqLength: options.tokens,
        maxSteps: options.steps,
        trainBatchSize: options.rows,
        microBatchTokens: options.microBatchTokens,
        saveStrategy: 'no',
        ...each,
      });
      const { cacheFolder, variables, stop } = options;
      const startedAt = performance.now();
      summaries.push(
        await launchTraining(config, {
          cacheFolder,
          variables,
          stop,
          startedAt,
          commandLine: undefined,
          observe: () => undefined,
        }),
      );
    }
    return summaries;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
