/**
 * Whether a run can and may write where it was told to, found out before anything starts, leaving the disk as it was.
 * It may where there is nothing, or a run of ours, and where nothing that it reads lies in its way.
 */
import { lstatSync, mkdtempSync, readdirSync, realpathSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import {
  MicrotuneError,
  isModelFile,
  messageOf,
  optionName,
  type ParsedConfig,
} from '@microtune/shared';
import { isRunName, readMarker } from './run-marker.js';

type Paths = Pick<
  ParsedConfig,
  'outputDir' | 'modelNameOrPath' | 'adapterNameOrPath' | 'trainFile' | 'validationFile'
>;

/** @throws MicrotuneError `usage` naming what is in the way: files of others, a dangling link, a place where nothing can be made */
export function checkOutputFolder(config: Paths): void {
  const { outputDir } = config;
  const refuse = refusalOf('output_dir', outputDir);
  requirePlace(outputDir, refuse, () => {
    requireApart(config);
    if (isThere(resolve(outputDir))) requireOwn(outputDir, refuse);
  });
}

/**
 * The same for a folder that a model is written into, where there must be nothing.
 * @param to as `option` says
 * @throws MicrotuneError `usage` as checkOutputFolder
 */
export function checkNewFolder(option: string, to: string): void {
  const refuse = refusalOf(option, to);
  requirePlace(to, refuse, () => {
    const names = isThere(resolve(to)) ? readdirSync(to).filter((name) => !isIgnored(name)) : [];
    if (names.length === 0) return;
    throw refuse(`it holds files (${some(names)}), and they could be lost`, {
      remedy: 'choose a new or an empty folder',
    });
  });
}

function requirePlace(folder: string, refuse: Refusal, check: () => void): void {
  if (folder.trim() === '') throw refuse('it is empty');
  const impossible = resolve(folder).split(sep).find(isNoName);
  if (impossible !== undefined) throw refuse('a part of it cannot be the name of a folder');
  const nearest = nearestExisting(resolve(folder));
  try {
    if (!statSync(nearest).isDirectory()) throw refuse(`${nearest} is not a folder`);
    check();
    // Only trying tells: permissions, read-only disks, and /proc, which allows everything and makes nothing.
    rmdirSync(mkdtempSync(join(nearest, '.microtune-try-')));
  } catch (error) {
    if (error instanceof MicrotuneError) throw error;
    throw refuse(`nothing can be made in ${nearest} (${messageOf(error)})`, { cause: error });
  }
}

/** Longer than the file systems of Linux take, or with the one letter that no name can hold. */
function isNoName(part: string): boolean {
  return Buffer.byteLength(part) > 255 || part.includes('\0');
}

/** Hidden entries and the lost+found of a disk are no reason: a run has no such names. */
const isIgnored = (name: string): boolean => name.startsWith('.') || name === 'lost+found';

function requireOwn(outputDir: string, refuse: Refusal): void {
  const names = readdirSync(outputDir).filter((name) => !isIgnored(name));
  const marker = readMarker(outputDir);
  if (marker === undefined) {
    if (names.length === 0) return;
    throw refuse(`it holds files that are not of a run (${some(names)}), and they could be lost`, {
      remedy: 'choose a new or an empty folder',
    });
  }
  const foreign = marker.has_model ? [] : names.filter(isModelFile);
  if (foreign.length === 0) return;
  throw refuse(`the run in it has not saved a model, and ${some(foreign)} would be overwritten`, {
    remedy: 'move those files away, or choose another --output_dir',
  });
}

/** Links are followed, so that no detour leads into what is read. */
function requireApart(paths: Paths): void {
  const { outputDir, modelNameOrPath, adapterNameOrPath, trainFile, validationFile } = paths;
  const output = realPath(outputDir);
  for (const [key, folder] of Object.entries({ modelNameOrPath, adapterNameOrPath }))
    if (folder !== undefined) requireSourceApart(output, optionName(key), realPath(folder));
  for (const [key, files] of Object.entries({ trainFile, validationFile })) {
    for (const file of files ?? []) {
      const path = realPath(file);
      if (!isBelow(path, output) || !isRunName(relative(output, path).split(sep)[0] ?? ''))
        continue;
      throw new MicrotuneError(
        'usage',
        `${optionName(key)}: ${file} is among the files that a run in ${outputDir} replaces: move it away, or choose another --output_dir`,
      );
    }
  }
}

/** @param option that names the source */
function requireSourceApart(output: string, option: string, source: string): void {
  if (output === source) {
    throw new MicrotuneError(
      'usage',
      `output_dir and ${option} are both ${source}: training would overwrite its own start`,
    );
  }
  const isInside = isBelow(output, source);
  if (!isInside && !isBelow(source, output)) return;
  const [a, inner, b, outer] = isInside
    ? ['output_dir', output, option, source]
    : [option, source, 'output_dir', output];
  throw new MicrotuneError(
    'usage',
    `${a} ${inner} is inside ${b} ${outer}: choose an --output_dir apart from the model`,
  );
}

/** The first names, and how many more. */
function some(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, 3).join(', ');
  return names.length <= 3 ? shown : `${shown} and ${names.length - 3} more`;
}

type Refusal = (
  why: string,
  options?: { readonly cause?: unknown; readonly remedy?: string },
) => MicrotuneError;

function refusalOf(option: string, folder: string): Refusal {
  const shown = folder.trim() === '' ? '""' : folder.length > 255 ? folder.slice(0, 80) : folder;
  return (why, { cause, remedy = `choose another --${option}` } = {}) =>
    new MicrotuneError(
      'usage',
      `${option}: ${shown} cannot be written, because ${why}: ${remedy}`,
      {
        cause,
      },
    );
}

/** Without links, in the case of letters that the disk has; what does not exist yet hangs below what does. */
export function realPath(path: string): string {
  const whole = resolve(path);
  const nearest = nearestExisting(whole);
  try {
    return join(realpathSync.native(nearest), relative(nearest, whole));
  } catch {
    // A dangling link or a loop: it leads nowhere, so into nothing.
    return whole;
  }
}

export function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** The path itself, or the closest thing above it that is there; a link counts also when it leads nowhere. */
function nearestExisting(path: string): string {
  return isThere(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    // Below a file, a loop of links or a closed folder: what is in the way lies further up.
    return false;
  }
}
