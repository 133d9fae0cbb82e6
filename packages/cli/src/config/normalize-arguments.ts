/**
 * Arguments as people write them -> the one form commander parses: `--name=value` with snake_case names.
 * Both `--train-file` and `--train_file` are taken; a boolean may stand alone, be followed by true or false, or be
 * negated by `--no-`; a positional after a lone boolean stays a positional. Unknown names end here.
 */
import { MicrotuneError } from '@microtune/shared';
import { booleanOf } from './option-value.js';
import type { OptionSpec } from './option-table.js';
import { unknownOption } from './unknown-option.js';

/** Options every command has, handled by commander itself. */
const common = new Set(['help', 'debug']);

export interface ArgumentRules {
  readonly command: string;
  readonly table: readonly OptionSpec[];
  /** Whether the command takes this word as what it works on, e.g. because a file has the name. */
  takes(word: string): boolean;
}

/** @throws MicrotuneError `usage` for an unknown option, one without its value, or one given twice that may not be */
export function normalizeArguments(
  argv: readonly string[],
  { command, table, takes }: ArgumentRules,
): string[] {
  const byName = new Map(table.map((spec) => [spec.name, spec]));
  const normal: string[] = [];
  const given = new Set<string>();
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at] ?? '';
    if (token === '--') return [...normal, ...argv.slice(at)];
    if (token === '-h' || token === '-' || !token.startsWith('-')) {
      normal.push(token);
      continue;
    }
    const option = splitOption(token);
    if (common.has(option.name)) {
      normal.push(token);
      continue;
    }
    const negated = negatedBoolean(option.name, byName);
    if (negated !== undefined) {
      normal.push(`--${negated.name}=false`);
      continue;
    }
    const spec = token.startsWith('--') ? byName.get(option.name) : undefined;
    if (spec === undefined) {
      const known = [...byName.keys()];
      throw unknownOption({
        name: option.name,
        written: token.slice(0, token.startsWith('--') ? 2 : 1) + option.written,
        known,
        prefix: '--',
        command,
      });
    }
    if (spec.once && given.has(spec.name)) {
      throw new MicrotuneError(
        'usage',
        `--${spec.name} is given twice: write one list, separated by commas`,
      );
    }
    given.add(spec.name);
    const taken = takeValue(spec, option.value, argv[at + 1]);
    if (spec.kind === 'boolean' && option.value === undefined && !taken.usedNext)
      refuseWord(spec, argv[at + 1], takes);
    normal.push(`--${spec.name}=${taken.value}`);
    if (taken.usedNext) at++;
  }
  return normal;
}

interface SplitOption {
  readonly written: string;
  readonly name: string;
  readonly value: string | undefined;
}

function splitOption(token: string): SplitOption {
  const equals = token.indexOf('=');
  const dashes = token.startsWith('--') ? 2 : 1;
  const written = equals < 0 ? token.slice(dashes) : token.slice(dashes, equals);
  return {
    written,
    name: written.replaceAll('-', '_'),
    value: equals < 0 ? undefined : token.slice(equals + 1),
  };
}

function negatedBoolean(
  name: string,
  byName: ReadonlyMap<string, OptionSpec>,
): OptionSpec | undefined {
  if (byName.has(name) || !name.startsWith('no_')) return undefined;
  const spec = byName.get(name.slice('no_'.length));
  return spec?.kind === 'boolean' || spec?.kind === 'text-or-boolean' ? spec : undefined;
}

/** `--json maybe`: neither a value of the option nor anything the command could work on. */
function refuseWord(
  spec: OptionSpec,
  next: string | undefined,
  takes: ArgumentRules['takes'],
): void {
  if (next === undefined || next.startsWith('-') || takes(next)) return;
  throw new MicrotuneError(
    'usage',
    `--${spec.name} expects true or false, got '${next}', and there is no file or folder '${next}' either`,
  );
}

interface TakenValue {
  readonly value: string;
  readonly usedNext: boolean;
}

function takeValue(
  spec: OptionSpec,
  attached: string | undefined,
  next: string | undefined,
): TakenValue {
  if (attached !== undefined) return { value: attached, usedNext: false };
  const nextIsOption = next === undefined || next.startsWith('--');
  if (spec.kind === 'boolean') {
    const usedNext = next !== undefined && booleanOf(next) !== undefined;
    return { value: usedNext ? next : 'true', usedNext };
  }
  if (spec.kind === 'text-or-boolean' && nextIsOption) return { value: 'true', usedNext: false };
  if (nextIsOption)
    throw new MicrotuneError('usage', `--${spec.name} needs a value: ${spec.description}`);
  return { value: next, usedNext: true };
}
