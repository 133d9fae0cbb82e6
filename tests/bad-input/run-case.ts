/** Runs a case in this process, through the program's own entry, or as a process where it asks for one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../packages/cli/src/environment.js';
import { runProgram } from '../../packages/cli/src/program.js';
import type { BadCase } from './bad-case.js';

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

export interface Place {
  readonly folder: string;
  readonly cacheFolder: string;
}

export async function runCase(bad: BadCase, place: Place): Promise<Answer> {
  const startedAt = performance.now();
  const answer = await (bad.asProcess ? asProcess(bad, place) : inThisProcess(bad, place));
  return { ...answer, milliseconds: performance.now() - startedAt };
}

const patienceMs = 30_000;

type Said = Omit<Answer, 'milliseconds'>;

async function inThisProcess(bad: BadCase, { folder, cacheFolder }: Place): Promise<Said> {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({ write: (chunk: Buffer, _, done) => ((written[name] += String(chunk)), done()) });
  const environment: Environment = {
    stdin: new PassThrough().end(bad.stdin),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    terminal: false,
    columns: 80,
    variables: { ...process.env, ...bad.variables },
    cacheFolder,
    commandLine: bad.argv,
    debug: false,
  };
  const home = process.cwd();
  process.chdir(folder);
  // What should have been refused and trains instead is asked to stop, as a user would.
  const patience = setTimeout(() => process.emit('SIGINT', 'SIGINT'), patienceMs);
  try {
    const code = await runProgram(bad.argv, environment);
    return { code, ...written };
  } finally {
    clearTimeout(patience);
    process.chdir(home);
  }
}

const bin = fileURLToPath(new URL('../../packages/cli/bin/microtune.js', import.meta.url));

async function asProcess(bad: BadCase, { folder, cacheFolder }: Place): Promise<Said> {
  const child = spawn(process.execPath, [bin, ...bad.argv], {
    cwd: folder,
    env: { ...process.env, MICROTUNE_CACHE: cacheFolder, ...bad.variables },
  });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (written.stdout += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (written.stderr += String(chunk)));
  // A command that does not read its input closes it early.
  child.stdin.on('error', () => undefined);
  child.stdin.end(bad.stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}

/** Processes that a command has left: its cache folder is in their arguments or environment. */
export function leftRunning({ cacheFolder }: Pick<Place, 'cacheFolder'>): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) =>
      ['cmdline', 'environ'].some((file) => readProc(name, file).includes(cacheFolder)),
    )
    .map(Number);
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // Gone meanwhile, or another user's.
    return '';
  }
}
