/**
 * Reads config.yaml, config.json, or a module (config.ts, config.js) whose default export is the configuration.
 * Keys may be written in snake_case (files) or camelCase (TypeScript). Paths inside are relative to the working
 * directory, as on the command line.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { MicrotuneError, messageOf } from '@microtune/shared';
import type { Document } from 'yaml';
import type { OptionSpec } from './option-table.js';
import { defineConfigFile } from '../own-files.js';
import { unknownOption } from './unknown-option.js';

/** What a configuration file says, and where it says it. */
export interface WrittenConfig {
  readonly values: ConfigValues;
  /** `run.yaml, line 3` of a key of the schema; undefined for what the file does not set. */
  whereOf(key: string): string | undefined;
}

/** A configuration under construction: keys of the schema, values not yet checked. */
export type ConfigValues = Readonly<Record<string, unknown>>;

interface RawConfig {
  readonly values: Readonly<Record<string, unknown>>;
  /** Line of a top-level key, where the format has lines. */
  lineOf(key: string): number | undefined;
}

/** @throws MicrotuneError `usage` naming file and line, for a missing file, bad syntax or an unknown key */
export async function readConfigFile(
  file: string,
  { command, table }: { readonly command: string; readonly table: readonly OptionSpec[] },
): Promise<WrittenConfig> {
  if (!existsSync(file)) throw new MicrotuneError('usage', `config file ${file} does not exist`);
  const raw = await readRaw(file);
  const byName = new Map(
    table.flatMap((spec) => [[spec.name, spec] as const, [spec.key, spec] as const]),
  );
  const values: Record<string, unknown> = {};
  const places = new Map<string, string>();
  for (const [written, value] of Object.entries(raw.values)) {
    const line = raw.lineOf(written);
    const where = line === undefined ? file : `${file}, line ${line}`;
    const spec = byName.get(written.replaceAll('-', '_'));
    if (spec === undefined) {
      const known = table.map((option) => option.name);
      throw unknownOption({
        name: written.replaceAll('-', '_'),
        written: `${written} (${where})`,
        known,
        prefix: '',
        command,
      });
    }
    // `key:` without a value in yaml, and null in JSON, mean the default.
    if (value === null || value === undefined) continue;
    if (values[spec.key] !== undefined)
      throw new MicrotuneError('usage', `${spec.name} (${where}) is given twice: keep one`);
    values[spec.key] = value;
    places.set(spec.key, where);
  }
  return { values, whereOf: (key) => places.get(key) };
}

async function readRaw(file: string): Promise<RawConfig> {
  switch (extname(file)) {
    case '.yaml':
    case '.yml':
      return readYaml(file);
    case '.json':
      // JSON is YAML, and the YAML parser knows lines.
      return readYaml(file);
    case '.ts':
    case '.mts':
    case '.js':
    case '.mjs':
      return readModule(file);
    default:
      throw new MicrotuneError(
        'usage',
        `config file ${file} must end in .yaml, .yml, .json, .ts or .js`,
      );
  }
}

async function readYaml(file: string): Promise<RawConfig> {
  const { LineCounter, isMap, isScalar, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(readText(file), {
    lineCounter: lines,
    prettyErrors: false,
  });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new MicrotuneError('usage', `${file}, line ${line}, column ${col}: ${problem.message}`);
  }
  const values = asConfig(plainValues(document, file) ?? {}, file);
  const lineByKey = new Map<string, number>();
  for (const pair of isMap(document.contents) ? document.contents.items : []) {
    if (isScalar(pair.key) && pair.key.range)
      lineByKey.set(String(pair.key.value), lines.linePos(pair.key.range[0]).line);
  }
  return { values, lineOf: (key) => lineByKey.get(key) };
}

function readText(file: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const why = statSync(file).isDirectory() ? 'it is a folder' : messageOf(error);
    throw new MicrotuneError('usage', `config file ${file} cannot be read: ${why}`, {
      cause: error,
    });
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // Said below, as for text in two bytes a letter, which is valid UTF-8 full of NULs.
  }
  throw new MicrotuneError('usage', `config file ${file} is not text in UTF-8: save it as UTF-8`);
}

/** An alias may lead nowhere, or stand for more values than a machine holds. */
function plainValues(document: Document, file: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw new MicrotuneError('usage', `${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** jiti runs TypeScript on every Node we support, and finds `microtune` wherever the file lies. It writes no cache. */
async function readModule(file: string): Promise<RawConfig> {
  const { createJiti } = await import('jiti');
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    interopDefault: false,
    alias: { microtune: defineConfigFile },
  });
  let loaded: { default?: unknown };
  try {
    loaded = await jiti.import<{ default?: unknown }>(resolve(file));
  } catch (error) {
    throw new MicrotuneError('usage', `${file} does not load: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (loaded.default === undefined) {
    throw new MicrotuneError(
      'usage',
      `${file} has no default export; write: export default defineConfig({ … })`,
    );
  }
  return { values: asConfig(loaded.default, file), lineOf: () => undefined };
}

function asConfig(value: unknown, file: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MicrotuneError(
      'usage',
      `${file} must hold keys and values, e.g. learning_rate: 5e-5`,
    );
  }
  return value as Record<string, unknown>;
}
