/**
 * The folder that each case starts in, fresh every time: a BERT of two tiny layers in `model/`, the same without a head in
 * `bare/`, `run/` as a finished run of two steps leaves it, and `train.tsv`, `dev.tsv`. What a command leaves behind is found by comparing the
 * whole folder before and after.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  lstatSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { makeTinyJob, type TinyJob } from '../support/tiny-job.js';
import { train } from '../support/cluster.js';
import { dropTensors } from './rewrite-weights.js';

export interface Scene extends AsyncDisposable {
  /** Tokenized data; shared by the cases, and not part of what they may not touch. */
  readonly cacheFolder: string;
  /** A fresh folder of a case. */
  open(): string;
}

/** Made once per test file: the run in it is really trained. */
export async function makeScene(): Promise<Scene> {
  const job = await makeTinyJob();
  const template = join(job.root, 'template');
  await writeTemplate(job, template);
  let opened = 0;
  return {
    cacheFolder: join(job.root, 'cache'),
    open: () => {
      const folder = join(job.root, `case-${opened++}`);
      cpSync(template, folder, { recursive: true });
      return folder;
    },
    [Symbol.asyncDispose]: () => {
      job[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

async function writeTemplate(job: TinyJob, template: string): Promise<void> {
  cpSync(job.model, join(template, 'model'), { recursive: true });
  cpSync(job.model, join(template, 'bare'), { recursive: true });
  dropTensors(join(template, 'bare', 'model.safetensors'), (name) => name.startsWith('classifier'));
  writeFileSync(join(template, 'train.tsv'), readFileSync(job.train));
  writeFileSync(join(template, 'dev.tsv'), readFileSync(job.validation));
  const options = { max_steps: 2, save_strategy: 'steps', save_steps: 1 };
  await train(job, { output: job.output('run'), workers: 1, options });
  cpSync(job.output('run'), join(template, 'run'), { recursive: true });
  rmSync(job.output('run'), { recursive: true });
}

/** Every file, folder and link below `folder`, with what it holds. */
export function snapshot(folder: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (path: string): void => {
    for (const name of readdirSync(path)) {
      const entry = join(path, name);
      const stats = lstatSync(entry);
      found.set(relative(folder, entry), contentOf(entry, stats));
      if (stats.isDirectory()) visit(entry);
    }
  };
  visit(folder);
  return found;
}

function contentOf(path: string, stats: ReturnType<typeof lstatSync>): string {
  if (stats === undefined) return 'gone';
  if (stats.isDirectory()) return 'folder';
  if (stats.isSymbolicLink()) return `link to ${readlinkSync(path)}`;
  if (!stats.isFile()) return 'special';
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Paths that differ, each with what happened to it. */
export function changes(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path) => {
    if (before.get(path) === after.get(path)) return [];
    if (!before.has(path)) return [`new: ${path}`];
    return [after.has(path) ? `changed: ${path}` : `gone: ${path}`];
  });
}
