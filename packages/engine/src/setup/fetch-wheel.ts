/** Fetching one pinned wheel. pip is the only downloader: it knows the user's index, proxy and certificates. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { MicrotuneError, messageOf } from '@microtune/shared';
import type { ProcessResult, ProcessRunner } from './process-runner.js';
import type { Wheel } from './wheel.js';

/**
 * Leaves a wheel in an existing folder, checked against the pinned hash, and gives its path.
 * @throws MicrotuneError `usage` without Python or pip, `transient` when pip cannot get the wheel, `data` when it is
 *   not the pinned one
 */
export async function fetchWheel(
  run: ProcessRunner,
  wheel: Wheel,
  folder: string,
): Promise<string> {
  const result = await run('python3', [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-input', '--quiet'],
    ...['--disable-pip-version-check', '--no-color', '--dest', folder],
    ...['--implementation', wheel.abi === 'none' ? 'py' : 'cp'],
    ...['--python-version', wheel.python, '--abi', wheel.abi, '--platform', wheel.platform],
    `${wheel.name}==${wheel.version}`,
  ]);
  if (result.exitCode !== 0) throw pipFailed(result, wheel, folder);
  const file = join(folder, wheel.file);
  const { sha256, bytes } = await digestOf(file);
  if (sha256 === wheel.sha256) return file;
  throw new MicrotuneError(
    'data',
    `${wheel.file} is not the pinned file: it has ${String(bytes)} bytes with sha256 ${sha256}, expected ${wheel.sha256}. Nothing was installed. ` +
      'Run the command again; if it repeats, the package index serves another file',
  );
}

async function digestOf(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256');
  const content = createReadStream(file);
  try {
    await pipeline(content, hash);
  } catch (error) {
    throw new MicrotuneError('transient', `pip did not leave the wheel: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return { sha256: hash.digest('hex'), bytes: content.bytesRead };
}

function pipFailed(
  result: ProcessResult,
  { name, version }: Wheel,
  folder: string,
): MicrotuneError {
  if (result.exitCode === undefined) {
    return new MicrotuneError(
      'usage',
      `python3 was not found: fetching ${name} needs Python 3 with pip once (not at run time). ` +
        'Install it (Debian and Ubuntu: apt-get install python3-pip) and run the command again',
    );
  }
  if (/No module named '?pip'?/.test(result.stderr)) {
    return new MicrotuneError(
      'usage',
      'python3 has no pip: install it (Debian and Ubuntu: apt-get install python3-pip; elsewhere: ' +
        'python3 -m ensurepip) and run the command again',
    );
  }
  if (noRoom.test(result.stderr)) {
    return new MicrotuneError(
      'transient',
      `no room for ${name} ${version}: ${lastErrorOf(result)}. Free space on the disk of ${folder} (MICROTUNE_CACHE moves it) ` +
        'and on that of temporary files (TMPDIR moves it), and run the command again',
    );
  }
  return new MicrotuneError(
    'transient',
    `pip could not fetch ${name} ${version}: ${lastErrorOf(result)}. Check the network, or point pip at an index ` +
      'that has it (pip config set global.index-url URL), and run the command again',
  );
}

const noRoom = /No space left on device|Disk quota exceeded|\[Errno (28|122)\]/;

/** pip's last ERROR line says what failed; the lines before it repeat connection attempts. */
function lastErrorOf({ stderr, exitCode }: ProcessResult): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const error = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.findLast(Boolean);
  return error?.replace(/^ERROR:\s*/, '') ?? `exit code ${String(exitCode)}`;
}
