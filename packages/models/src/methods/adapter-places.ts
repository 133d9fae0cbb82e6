/** The modules that an adapter goes to, as PEFT 0.21 finds them (tuners_utils.check_target_module_exists). */
import { MicrotuneError } from '@microtune/shared';
import { nearestName } from '@microtune/shared/nearest-name';
import type { Module } from '../program/module.js';
import type { MethodModel } from './method.js';
import type { AdapterPlaces, Targets } from './method-spec.js';
import { endsIn, isNamed, isSavedWhole, layerOfPath } from './module-paths.js';

export interface PlacesOptions extends AdapterPlaces {
  /** Of the method, e.g. `lora`: its options begin so. */
  readonly kind: string;
  readonly layers?: readonly number[] | undefined;
  readonly layersPattern?: readonly string[] | undefined;
}

export interface Places {
  readonly adapted: readonly Module[];
  /** target_modules of adapter_config.json. */
  readonly written: readonly string[] | string;
  /** Whether a module is trained whole. */
  isWhole(path: string): boolean;
}

/** What heads are called in any family: PEFT writes them into each adapter. */
const headNames = ['classifier', 'score', 'qa_outputs'];

/** @throws MicrotuneError `usage` when no module, or one that cannot be adapted, is meant */
export function findPlaces(
  { modules, headPaths, outputPath }: MethodModel,
  wanted: Targets,
  options: PlacesOptions,
): Places {
  const { exclude = [], layers, layersPattern, modulesToSave, isFound, kind } = options;
  const isWhole = (path: string): boolean =>
    headPaths.includes(path) || isSavedWhole(path, modulesToSave);
  const isOfLayer = (path: string): boolean => {
    if (layers === undefined || layers.length === 0 || wanted instanceof RegExp) return true;
    if (typeof wanted !== 'string' && wanted.includes(path)) return true;
    const layer = layerOfPath(path, layersPattern);
    return layer !== undefined && layers.includes(layer);
  };
  const adapted = modules.filter(
    (module) =>
      !isWhole(module.path) &&
      !isNamed(module.path, exclude) &&
      isMeant(module, wanted, outputPath) &&
      isOfLayer(module.path),
  );
  const option = (name: string): string => (isFound ? name : `--${kind}_${name}`);
  refuseMisfits(adapted, { outputPath, option: option('target_modules') });
  refuseIdle(adapted, { wanted, modules, isFound, option: option('target_modules') });
  const idle = modulesToSave.find(
    (name) => !headNames.includes(name) && !modules.some(({ path }) => isSavedWhole(path, [name])),
  );
  if (idle !== undefined && !isFound) {
    const names = [...new Set(modules.map(({ path }) => endOf(path)))];
    throw noSuch(option('modules_to_save'), idle, names);
  }
  return { adapted, written: writtenTargets(wanted, adapted), isWhole };
}

const isProduct = ({ kind }: Module): boolean => kind === 'linear' || kind === 'conv1d';

/** all-linear leaves the output layer out, as PEFT does. */
function isMeant(module: Module, targets: Targets, outputPath: string | undefined): boolean {
  if (targets === 'all-linear') return isProduct(module) && module.path !== outputPath;
  return isNamed(module.path, targets);
}

function refuseMisfits(
  adapted: readonly Module[],
  { outputPath, option }: { readonly outputPath: string | undefined; readonly option: string },
): void {
  const other = adapted.find((module) => !isProduct(module));
  if (other !== undefined) {
    throw new MicrotuneError(
      'usage',
      `${option}: ${other.path} is a ${other.kind}, and adapters go to products of a matrix alone`,
    );
  }
  if (outputPath !== undefined && adapted.some(({ path }) => path === outputPath)) {
    throw new MicrotuneError(
      'usage',
      `${option}: ${outputPath} is the output layer, which takes no adapter here: train it whole, as one of modules_to_save`,
    );
  }
}

interface Asked {
  readonly wanted: Targets;
  readonly modules: readonly Module[];
  readonly isFound: boolean;
  readonly option: string;
}

function refuseIdle(adapted: readonly Module[], { wanted, modules, isFound, option }: Asked): void {
  const isList = typeof wanted === 'object' && !(wanted instanceof RegExp);
  const idle =
    isList && !isFound
      ? wanted.find((name) => !modules.some(({ path }) => endsIn(path, [name])))
      : undefined;
  const ends = [...new Set(modules.filter(isProduct).map(({ path }) => endOf(path)))];
  if (idle !== undefined) throw noSuch(option, idle, ends);
  if (adapted.length > 0) return;
  const asked = isList ? wanted.join(', ') : String(wanted);
  const isThere = modules.some((module) => isMeant(module, wanted, undefined));
  if (!isThere) throw noSuch(option, asked, ends);
  throw new MicrotuneError(
    'usage',
    `${option}: of ${asked} nothing is left once excluded modules, other layers and modules trained whole are taken away`,
  );
}

function noSuch(option: string, name: string, ends: readonly string[]): MicrotuneError {
  const nearest = nearestName(name, ends);
  const offer = nearest === undefined ? '' : `did you mean ${nearest}? `;
  return new MicrotuneError(
    'usage',
    `${option}: the model has no module ${name}; ${offer}its modules end in ${ends.join(', ')}`,
  );
}

const endOf = (path: string): string => path.split('.').at(-1) ?? '';

/** PEFT reads a list of names or a pattern; all-linear is written as the paths that it meant. */
function writtenTargets(targets: Targets, adapted: readonly Module[]): readonly string[] | string {
  if (targets === 'all-linear') return adapted.map(({ path }) => path);
  return targets instanceof RegExp ? targets.source : targets;
}
