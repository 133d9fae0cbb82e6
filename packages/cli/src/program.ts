/** The command line: arguments to the command they name, anything thrown to a message and an exit code. */
import { existsSync } from 'node:fs';
import { MicrotuneError, exitCodeOf, exitCodes } from '@microtune/shared/errors';
import { Command, CommanderError, Option } from 'commander';
import type { CommandSpec } from './command.js';
import { commandList } from './command-list.js';
import type { ConfigValues } from './config/config-file.js';
import type { ArgumentRules } from './config/normalize-arguments.js';
import type { OptionSpec } from './config/option-table.js';
import { optionValue } from './config/option-value.js';
import { nearestName } from '@microtune/shared/nearest-name';
import type { Environment } from './environment.js';
import { ownVersion } from './own-files.js';
import { reportError } from './output/error-block.js';

/**
 * Runs `microtune` with `argv` (without node and script).
 * @returns the exit code; nothing is thrown
 */
export async function runProgram(
  argv: readonly string[],
  environment: Environment,
): Promise<number> {
  try {
    return await dispatch(argv, environment);
  } catch (error) {
    // Help and version leave through an exception of commander's, with its own exit code 0.
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const known = error instanceof CommanderError ? usageOf(error) : error;
    reportError(known, { environment, json: argv.some((token) => /^--json(=true)?$/.test(token)) });
    return exitCodeOf(known);
  }
}

async function dispatch(argv: readonly string[], environment: Environment): Promise<number> {
  const [name, ...rest] = argv;
  const spec = commandList.find((command) => command.name === name);
  if (name !== undefined && spec === undefined && !name.startsWith('-') && name !== 'help')
    throw unknownCommand(name);
  if (name === 'help') checkHelp(rest);
  const table = spec === undefined ? [] : await optionsOf(spec);
  const outcome = { exitCode: 0 };
  const program = buildProgram(environment);
  for (const command of commandList) {
    const built = addCommand(program, command, command === spec ? table : []);
    built.action(async (...received: unknown[]) => {
      const positional =
        command.positional === undefined ? undefined : (received[0] as string | undefined);
      const values = keyed(built.opts(), table);
      const module = await command.load();
      const operands = command.operands === undefined ? [] : (received[1] as string[]);
      outcome.exitCode = await module.run({ values, positional, operands, table, environment });
    });
  }
  if (name === undefined) program.help();
  const tokens =
    spec === undefined
      ? [...argv]
      : [spec.name, ...(await normalized(rest, argumentRules(spec, table)))];
  await program.parseAsync(tokens, { from: 'user' });
  return outcome.exitCode;
}

/** What reads options is loaded for a command alone: zod and its schemas take longer than all of `microtune --help`. */
async function optionsOf(spec: CommandSpec): Promise<readonly OptionSpec[]> {
  const { optionTable } = await import('./config/option-table.js');
  return optionTable(await spec.schema());
}

async function normalized(argv: readonly string[], rules: ArgumentRules): Promise<string[]> {
  const { normalizeArguments } = await import('./config/normalize-arguments.js');
  return normalizeArguments(argv, rules);
}

function argumentRules(
  { name, positional }: CommandSpec,
  table: readonly OptionSpec[],
): ArgumentRules {
  return {
    command: name,
    table,
    takes: (word) =>
      positional !== undefined && (positional.choices !== undefined || existsSync(word)),
  };
}

/** commander would answer these with an exception of its own. */
function checkHelp(names: readonly string[]): void {
  const [name, ...more] = names;
  if (name === undefined) return;
  if (!commandList.some((command) => command.name === name)) throw unknownCommand(name);
  if (more.length > 0)
    throw new MicrotuneError('usage', `help is of one command: microtune help ${name}`);
}

function buildProgram({ stdout }: Environment): Command {
  return new Command('microtune')
    .description(
      'Fine-tunes language models from TypeScript: many worker processes, one result to the last bit.',
    )
    .version(ownVersion(), '--version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => void stdout.write(text), writeErr: () => undefined })
    .addHelpText('after', '\nOptions of a command: microtune <command> --help');
}

function addCommand(program: Command, spec: CommandSpec, table: readonly OptionSpec[]): Command {
  const command = program
    .command(spec.name, { hidden: spec.hidden ?? false })
    .description(spec.summary);
  if (spec.positional !== undefined)
    command.argument(spec.positional.syntax, spec.positional.description);
  if (spec.operands !== undefined)
    command.argument(spec.operands.syntax, spec.operands.description);
  for (const option of table) command.addOption(commanderOption(option));
  return command.option('--debug', 'Stack traces beside messages');
}

/** The values are those of `normalizeArguments`; commander's own parsing sees only `--name=value`. */
function commanderOption(spec: OptionSpec): Option {
  const value =
    spec.kind === 'boolean'
      ? '[true|false]'
      : spec.kind === 'text-or-boolean'
        ? `[value]`
        : valueHint(spec);
  const text = [spec.description, choicesHint(spec), defaultHint(spec)]
    .filter((part) => part !== '')
    .join(' ');
  return new Option(`--${spec.name} ${value}`, text).argParser(
    (written: string, previous: unknown) => optionValue(spec, written, previous),
  );
}

function valueHint({ kind, whole }: OptionSpec): string {
  if (whole) return '<text>';
  if (kind === 'number') return '<number>';
  if (kind === 'list') return '<value,...>';
  return kind === 'json' ? '<json>' : '<value>';
}

function choicesHint({ choices }: OptionSpec): string {
  return choices === undefined ? '' : `(${choices.join(', ')})`;
}

function defaultHint({ defaultValue }: OptionSpec): string {
  if (defaultValue === undefined || defaultValue === false) return '';
  return `[default: ${typeof defaultValue === 'string' ? defaultValue : JSON.stringify(defaultValue)}]`;
}

/** From option names, as commander keeps them, to keys. */
function keyed(
  options: Readonly<Record<string, unknown>>,
  table: readonly OptionSpec[],
): ConfigValues {
  return Object.fromEntries(
    table
      .filter((spec) => options[spec.name] !== undefined)
      .map((spec) => [spec.key, options[spec.name]]),
  );
}

function unknownCommand(name: string): MicrotuneError {
  const visible = commandList
    .filter((command) => command.hidden !== true)
    .map((command) => command.name);
  const nearest = nearestName(name, visible);
  const offer =
    nearest === undefined ? `the commands are ${visible.join(', ')}` : `did you mean ${nearest}?`;
  return new MicrotuneError('usage', `unknown command ${name}; ${offer}`);
}

function usageOf(error: CommanderError): MicrotuneError {
  const code = error.exitCode === exitCodes.internal ? 'internal' : 'usage';
  return new MicrotuneError(code, error.message.replace(/^error: /, ''), { cause: error });
}
