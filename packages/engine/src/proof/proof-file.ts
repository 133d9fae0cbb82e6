/**
 * Proofs of this machine, kept in the cache folder: a file for each engine, precision and kind of device. An entry of
 * its own (`@microtune/engine/proof`), because the whole package takes 0.1 s to load.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { cpuFlags } from '../cpu-flags.js';
import type { EngineName, Precision } from '../engine.js';
import { onnxRuntimeVersion } from '../onnx/runtime-version.js';
import { openvinoStatus } from '../setup/openvino-manifest.js';
import { tensorflowStatus } from '../setup/tensorflow-manifest.js';
import { xlaStatus } from '../setup/xla-manifest.js';
import { bf16OnCpu } from '../tensorflow/bf16-on-cpu.js';
import { mostThreadsOnCpu } from '../tensorflow/environment.js';
import type { ProductPrecision } from '../tensorflow/matmul-lowering.js';
import type { XlaPlatform } from '../xla/platform.js';
import type { Proof } from './prove-engine.js';

/** Raised when what is measured or how products are lowered changes: earlier proofs then count no more. */
const proofVersion = 2;

const productForms = ['f32', 'bf16', 'bf16 short sums', 'bf16 factors'] as const;
const threadsSchema = z.array(z.number().int().positive());
const fileSchema = z.object({
  subject: z.record(z.string(), z.unknown()),
  proof: z.discriminatedUnion('state', [
    z.object({
      state: z.literal('proved'),
      products: z.enum(productForms),
      given: z.array(z.string()),
      threads: threadsSchema,
    }),
    z.object({ state: z.literal('refused'), reason: z.string(), threads: threadsSchema }),
  ]),
});

export interface ProofSubject {
  readonly engine: EngineName;
  readonly precision: Precision;
  readonly platform: XlaPlatform;
  /** Name and driver of the card; undefined on a CPU. */
  readonly card?: string | undefined;
}

/** What is known of an engine here, or undefined: not proved yet, or by another CPU, library or release. */
export function rememberedProof(cacheFolder: string, subject: ProofSubject): Proof | undefined {
  const identity = identify(cacheFolder, subject);
  try {
    const text = readFileSync(fileOf(cacheFolder, subject, identity), 'utf8');
    const { subject: written, proof } = fileSchema.parse(JSON.parse(text));
    return JSON.stringify(written) === JSON.stringify(identity) ? proof : undefined;
  } catch {
    // Absent, unreadable, or of another form: it is proved again.
    return undefined;
  }
}

/** @returns false where the folder cannot be written */
export function rememberProof(cacheFolder: string, subject: ProofSubject, proof: Proof): boolean {
  const identity = identify(cacheFolder, subject);
  const file = fileOf(cacheFolder, subject, identity);
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeAside(file, `${JSON.stringify({ subject: identity, proof }, undefined, 2)}\n`);
    return true;
  } catch {
    return false;
  }
}

/** Whole or not at all: several runs may start at once. */
function writeAside(file: string, text: string): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    writeFileSync(aside, text);
    renameSync(aside, file);
  } catch (error) {
    rmSync(aside, { force: true });
    throw error;
  }
}

/** How products of a precision may be multiplied, fastest first. */
export function formsOfProducts({
  engine,
  precision,
  platform,
}: ProofSubject): readonly ProductPrecision[] {
  if (engine !== 'tensorflow' || precision !== 'bf16' || platform !== 'cpu') return [precision];
  return bf16OnCpu() === 'bf16' ? ['bf16', 'bf16 short sums', 'bf16 factors'] : ['bf16 factors'];
}

/** The numbers of threads whose results must agree, of a run with so many a worker. */
export function threadsToProve(
  { engine, platform }: Pick<ProofSubject, 'engine' | 'platform'>,
  threads: number,
): readonly number[] {
  // XLA's pool has one size, whatever is asked for; on a card threads compute nothing.
  if (engine === 'xla' || platform === 'cuda') return [1];
  const most = engine === 'tensorflow' ? Math.min(threads, mostThreadsOnCpu) : threads;
  return most === 1 ? [1] : [1, most];
}

/** Everything that may change a kernel. */
function identify(cacheFolder: string, { engine, precision, platform, card }: ProofSubject) {
  return {
    version: proofVersion,
    engine,
    precision,
    platform,
    library: libraryOf[engine](cacheFolder, platform),
    cpu: cpus()[0]?.model ?? 'unknown',
    flags: hashOf([...(cpuFlags() ?? [])].sort().join(' ')),
    card: card ?? 'none',
  };
}

const libraryOf: Readonly<
  Record<EngineName, (cacheFolder: string, platform: XlaPlatform) => string>
> = {
  onnx: () => onnxRuntimeVersion,
  openvino: (folder) => {
    const found = openvinoStatus(folder);
    return found.state === 'ready' ? found.manifest.sha256 : found.state;
  },
  xla: (folder, platform) => {
    const found = xlaStatus(folder, platform);
    return found.state === 'ready' ? JSON.stringify(found.manifest) : found.state;
  },
  tensorflow: (folder, platform) => {
    const found = tensorflowStatus(folder, platform);
    return found.state === 'ready' ? JSON.stringify(found.manifest) : found.state;
  },
  reference: () => 'tfjs',
};

function fileOf(
  cacheFolder: string,
  { engine, precision, platform }: ProofSubject,
  identity: object,
): string {
  const name = `${engine}-${precision}-${platform}-${hashOf(JSON.stringify(identity))}.json`;
  return join(cacheFolder, 'proofs', name);
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
