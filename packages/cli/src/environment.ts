/** The process as an argument: the one place of the project that reads argv's surroundings. */
import { homedir, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';

export interface Environment {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** A terminal reads stdout: progress may be redrawn there. */
  readonly terminal: boolean;
  /** Characters per line of the terminal now: it may be resized. */
  readonly columns: number;
  /** process.env: some engine libraries take settings from nowhere else, so a copy would not do. */
  readonly variables: NodeJS.ProcessEnv;
  /** Tokenized data and engine libraries; shared by all runs of a user. */
  readonly cacheFolder: string;
  /** What was typed after `microtune`, for the summary of a run. */
  readonly commandLine: readonly string[];
  /** Stacks beside messages. */
  readonly debug: boolean;
}

/** `MICROTUNE_CACHE`, else `microtune` in the user's cache folder (`XDG_CACHE_HOME`, `~/.cache`). */
export function cacheFolderOf(variables: NodeJS.ProcessEnv, home: string): string {
  const own = variables['MICROTUNE_CACHE'];
  if (own !== undefined && own !== '') return resolve(own);
  const shared = variables['XDG_CACHE_HOME'];
  // A relative one is to be ignored, says the XDG specification, and would lie in whatever folder we are in.
  const usable = shared !== undefined && isAbsolute(shared);
  return join(usable ? shared : join(home, '.cache'), 'microtune');
}

/** Of this user. `HOME` may be empty, as in some containers: then the system's list of users knows. */
function homeFolder(): string {
  if (isAbsolute(homedir())) return homedir();
  try {
    return userInfo().homedir;
  } catch {
    // A user that the list does not have.
    return tmpdir();
  }
}

/** The environment of this process. */
export function processEnvironment(argv: readonly string[]): Environment {
  const { stdin, stdout, stderr, env } = process;
  return {
    stdin,
    stdout,
    stderr,
    terminal: stdout.isTTY === true && env['TERM'] !== 'dumb',
    get columns() {
      return stdout.columns ?? 80;
    },
    variables: env,
    cacheFolder: cacheFolderOf(env, homeFolder()),
    commandLine: ['microtune', ...argv],
    debug: argv.includes('--debug'),
  };
}
