/** Fetching the vendor's wheel. pip is the only downloader: it knows the user's index, proxy and certificates. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { openvinoRelease } from './openvino-release.js';
import type { Wheel } from './openvino-release.js';
import type { ProcessResult, ProcessRunner } from './process-runner.js';

export interface DownloadOptions {
  readonly run: ProcessRunner;
  readonly wheel: Wheel;
  /** Existing folder to leave the file in. */
  readonly folder: string;
}

/**
 * Fetches a wheel and gives its bytes, after checking them against the pinned hash.
 * @throws MicrotuneError `usage` without Python or pip, `transient` when pip cannot get the wheel, `data` when it is
 *   not the pinned one
 */
export async function downloadWheel({ run, wheel, folder }: DownloadOptions): Promise<Uint8Array> {
  const result = await run('python3', [
    ...['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--no-input', '--quiet'],
    ...['--disable-pip-version-check', '--no-color', '--dest', folder],
    ...['--implementation', 'cp', '--python-version', wheel.python, '--abi', wheel.abi],
    ...['--platform', wheel.platform, `openvino==${openvinoRelease}`],
  ]);
  if (result.exitCode !== 0) throw pipFailed(result);
  const bytes = await readWheel(join(folder, wheel.file));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 === wheel.sha256) return bytes;
  throw new MicrotuneError(
    'data',
    `${wheel.file} is not the pinned file: ${String(bytes.byteLength)} bytes with sha256 ${sha256}, expected ` +
      `${wheel.sha256}. Nothing was installed. Run the command again; if it repeats, the package index serves another file`,
  );
}

async function readWheel(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new MicrotuneError('transient', `pip did not leave the wheel: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function pipFailed(result: ProcessResult): MicrotuneError {
  if (result.exitCode === undefined) {
    return new MicrotuneError(
      'usage',
      'python3 was not found: fetching OpenVINO needs Python 3 with pip once (not at run time). ' +
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
  return new MicrotuneError(
    'transient',
    `pip could not fetch openvino ${openvinoRelease}: ${lastErrorOf(result)}. Check the network, or point pip at ` +
      'an index that has it (pip config set global.index-url URL), and run the command again',
  );
}

/** pip's last ERROR line says what failed; the lines before it repeat connection attempts. */
function lastErrorOf({ stderr, exitCode }: ProcessResult): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const error = lines.findLast((line) => line.startsWith('ERROR:')) ?? lines.findLast(Boolean);
  return error?.replace(/^ERROR:\s*/, '') ?? `exit code ${String(exitCode)}`;
}
