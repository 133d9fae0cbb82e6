/** `microtune train` as users start it, on a model with random weights that is made here. */
import { mkdir, writeFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { benchRows, writeBenchModel } from '../../packages/cli/dist/bench/bench-model.js';
import { runProcess } from './processes.js';

const microtune = fileURLToPath(new URL('../../packages/cli/bin/microtune.js', import.meta.url));

/** Writes model and data once. @returns their paths */
export async function makeJob(folder, shape) {
  const model = join(folder, 'model');
  const data = join(folder, 'train.tsv');
  if (!existsSync(data)) {
    await mkdir(model, { recursive: true });
    await writeBenchModel(model, shape);
    await writeFile(data, benchRows({ rows: shape.rows * 4, tokens: shape.tokens }));
  }
  return { model, data };
}

/** Options of every run of a shape. */
export function trainOptions(shape, job, given) {
  return {
    model_name_or_path: job.model,
    train_file: job.data,
    max_seq_length: shape.tokens,
    max_steps: shape.steps,
    train_batch_size: shape.rows,
    save_strategy: 'no',
    json: true,
    ...given,
  };
}

/** @returns {Promise<object>} summary.json @throws {Error} with the command's words when it failed */
export async function train(options, { cacheFolder, seconds }) {
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const env = {
    ...process.env,
    MICROTUNE_CACHE: cacheFolder,
    // The driver keeps compiled kernels, too: a cold start must not find those of an earlier run.
    CUDA_CACHE_PATH: join(cacheFolder, 'cuda'),
  };
  const ended = await runProcess([process.execPath, microtune, 'train', ...args], { seconds, env });
  if (ended.code !== 0)
    throw new Error(
      `train ended with ${ended.code}: ${ended.stderr.trim() || ended.stdout.slice(-600)}`,
    );
  return JSON.parse(readFileSync(join(options.output_dir, 'summary.json'), 'utf8'));
}
