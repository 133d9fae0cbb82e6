/** Whether an engine gives the same bits for any number of workers on this machine: known from before, or found out now. */
import { execFile } from 'node:child_process';
import {
  formsOfProducts,
  proveEngine,
  rememberProof,
  rememberedProof,
  threadsToProve,
  type Measured,
  type ProductPrecision,
  type Proof,
  type ProofSubject,
} from '@microtune/engine/proof';
import { MicrotuneError, type ResolvedConfig } from '@microtune/shared';
import { commandFile } from '../own-files.js';

export interface ProveRunOptions {
  readonly cacheFolder: string;
  /** Of a worker: pinned to its device. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the card; undefined on a CPU. */
  readonly card: string | undefined;
  /** Ends the measuring processes. */
  readonly stop?: AbortSignal | undefined;
}

export interface ProvenRun {
  /** What to tell the user: that it was found out now, and what was given up for it. */
  readonly notes: readonly string[];
}

type Run = Pick<ResolvedConfig, 'engine' | 'bf16' | 'threadsPerWorker'>;

/**
 * The proof of the engine, precision and numbers of threads of a run. The first time on a machine it takes some seconds,
 * in processes of its own; then it is remembered in the cache folder.
 * @throws MicrotuneError `usage` when the bits follow the number of threads here, with what differs and what to do
 */
export async function proveRun(run: Run, options: ProveRunOptions): Promise<ProvenRun> {
  // tfjs itself computes in one thread of JavaScript.
  if (run.engine === 'reference') return { notes: [] };
  const { cacheFolder } = options;
  const subject = subjectOf(run, options.card);
  const threads = threadsToProve(subject, run.threadsPerWorker);
  const known = rememberedProof(cacheFolder, subject);
  if (known !== undefined && threads.every((count) => known.threads.includes(count))) {
    requireProved(known, run);
    return { notes: [] };
  }
  const all = [...new Set([...(known?.threads ?? []), ...threads])].sort((a, b) => a - b);
  let proof: Proof;
  try {
    proof = await proveEngine({
      forms: formsOfProducts(subject),
      threads: all,
      measure: (products, count) => measureAside({ run, products, threads: count }, options),
    });
  } catch (error) {
    if (!(error instanceof MicrotuneError)) throw error;
    if (options.stop?.aborted === true) return { notes: [] };
    // Whatever keeps it from running will be told better by the workers.
    return { notes: [`the engine ${run.engine} could not be proved exact here: ${error.message}`] };
  }
  const isRemembered = rememberProof(cacheFolder, subject, proof);
  requireProved(proof, run);
  if (proof.products !== formsOfProducts(subject)[0] && !isRemembered) {
    throw new MicrotuneError(
      'usage',
      `${nameOf(run)} needs what was found out about this CPU, and ${cacheFolder} cannot be written: ` +
        'set MICROTUNE_CACHE to a folder that can',
    );
  }
  const slower =
    proof.given.length === 0 ? '' : `; multiplied as ${proof.products} (${proof.given.join('; ')})`;
  const forgotten = isRemembered
    ? ''
    : `; ${cacheFolder} cannot be written, so that the next run proves it again`;
  return {
    notes: [
      `${nameOf(run)} was proved to give the same bits with ${all.join(' and ')} threads on this machine${slower}${forgotten}`,
    ],
  };
}

export function subjectOf(
  { engine, bf16 }: Pick<Run, 'engine' | 'bf16'>,
  card: string | undefined,
): ProofSubject {
  const platform = card === undefined ? 'cpu' : 'cuda';
  return { engine, precision: bf16 ? 'bf16' : 'f32', platform, card };
}

function nameOf({ engine, bf16 }: Pick<Run, 'engine' | 'bf16'>): string {
  return `engine ${engine} in ${bf16 ? 'bf16' : 'f32'}`;
}

function requireProved(
  proof: Proof,
  run: Run,
): asserts proof is Extract<Proof, { state: 'proved' }> {
  if (proof.state === 'proved') return;
  const single = run.threadsPerWorker > 1 ? '--threads_per_worker 1, ' : '';
  throw new MicrotuneError(
    'usage',
    `${nameOf(run)} does not give the same bits for any number of workers on this CPU: ${proof.reason}. ` +
      `Use ${single}${run.bf16 ? 'f32, ' : ''}or another --engine`,
  );
}

interface Measurement {
  readonly run: Run;
  readonly products: ProductPrecision;
  readonly threads: number;
}

function measureAside(
  { run, products, threads }: Measurement,
  { cacheFolder, env, card, stop }: ProveRunOptions,
): Promise<Measured> {
  const { engine, precision, platform } = subjectOf(run, card);
  const options = {
    name: engine,
    precision,
    platform,
    products,
    threads,
    cache_folder: cacheFolder,
  };
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [commandFile, 'measure-engine', ...args],
      {
        encoding: 'utf8',
        env,
        maxBuffer: 2 ** 24,
        ...(stop === undefined ? {} : { signal: stop }),
      },
      (error, stdout, stderr) => {
        const said = stdout.trim().split('\n').at(-1) ?? '';
        if (error === null && said !== '') {
          resolve(JSON.parse(said) as Measured);
          return;
        }
        const why = stderr.trim().split('\n').at(-1) ?? '';
        reject(new MicrotuneError('transient', why === '' ? 'its process ended' : why));
      },
    );
  });
}
