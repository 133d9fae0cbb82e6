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

type Paths = Pick<ParsedConfig, 'outputDir' | 'modelNameOrPath' | 'trainFile' | 'validationFile'>;

/** @throws MicrotuneError `usage` naming what is in the way: files of others, a dangling link, a place where nothing can be made */
export function checkOutputFolder(config: Paths): void {
  const { outputDir } = config;
  if (outputDir.trim() === '') throw refusal('""', 'it is empty');
  const impossible = resolve(outputDir).split(sep).find(isNoName);
  if (impossible !== undefined)
    throw refusal(outputDir.slice(0, 80), 'a part of it cannot be the name of a folder');
  const nearest = nearestExisting(resolve(outputDir));
  try {
    if (!statSync(nearest).isDirectory()) throw refusal(outputDir, `${nearest} is not a folder`);
    requireApart(config);
    if (isThere(resolve(outputDir))) requireOwn(outputDir);
    // Only trying tells: permissions, read-only disks, and /proc, which allows everything and makes nothing.
    rmdirSync(mkdtempSync(join(nearest, '.microtune-try-')));
  } catch (error) {
    if (error instanceof MicrotuneError) throw error;
    throw refusal(outputDir, `nothing can be made in ${nearest} (${messageOf(error)})`, error);
  }
}

/** Longer than the file systems of Linux take, or with the one letter that no name can hold. */
function isNoName(part: string): boolean {
  return Buffer.byteLength(part) > 255 || part.includes('\0');
}

/** Hidden entries and the lost+found of a disk are no reason: a run has no such names. */
const isIgnored = (name: string): boolean => name.startsWith('.') || name === 'lost+found';

function requireOwn(outputDir: string): void {
  const names = readdirSync(outputDir).filter((name) => !isIgnored(name));
  const marker = readMarker(outputDir);
  if (marker === undefined) {
    if (names.length === 0) return;
    throw refusal(
      outputDir,
      `it holds files that are not of a run (${some(names)}), and they could be lost`,
      undefined,
      'choose a new or an empty folder',
    );
  }
  const foreign = marker.has_model ? [] : names.filter(isModelFile);
  if (foreign.length === 0) return;
  throw refusal(
    outputDir,
    `the run in it has not saved a model, and ${some(foreign)} would be overwritten`,
    undefined,
    'move those files away, or choose another --output_dir',
  );
}

/** Links are followed, so that no detour leads into what is read. */
function requireApart({ outputDir, modelNameOrPath, trainFile, validationFile }: Paths): void {
  const [output, model] = [realPath(outputDir), realPath(modelNameOrPath)];
  if (output === model) {
    throw new MicrotuneError(
      'usage',
      `output_dir and model_name_or_path are both ${model}: training would overwrite its own start`,
    );
  }
  for (const [inner, outer] of [
    [output, model],
    [model, output],
  ] as const) {
    if (isBelow(inner, outer)) {
      const [a, b] =
        inner === output
          ? ['output_dir', 'model_name_or_path']
          : ['model_name_or_path', 'output_dir'];
      throw new MicrotuneError(
        'usage',
        `${a} ${inner} is inside ${b} ${outer}: choose an --output_dir apart from the model`,
      );
    }
  }
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

/** The first names, and how many more. */
function some(names: readonly string[]): string {
  const shown = [...names].sort().slice(0, 3).join(', ');
  return names.length <= 3 ? shown : `${shown} and ${names.length - 3} more`;
}

function refusal(
  outputDir: string,
  why: string,
  cause?: unknown,
  remedy = 'choose another --output_dir',
): MicrotuneError {
  return new MicrotuneError(
    'usage',
    `output_dir: ${outputDir} cannot be written, because ${why}: ${remedy}`,
    { cause },
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
