/**
 * What a command is to the program: a name, a schema of options, and a function that is loaded only when it runs, so
 * that `microtune --help` imports no engine, tokenizer or socket library.
 */
import type { z } from 'zod';
import type { ConfigValues } from './config/config-file.js';
import type { OptionSpec } from './config/option-table.js';
import type { Environment } from './environment.js';

/** What the arguments of a command said; checked against its schema by the command (`parseOptions`). */
export interface CommandInput {
  /** Values of options given on the command line, by key. */
  readonly values: ConfigValues;
  /** The positional argument, when given. */
  readonly positional: string | undefined;
  /** What stands behind it, of a command that takes more. */
  readonly operands?: readonly string[];
  readonly table: readonly OptionSpec[];
  readonly environment: Environment;
}

export interface CommandModule {
  /** @returns the exit code */
  run(input: CommandInput): Promise<number>;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly positional?: {
    readonly syntax: string;
    readonly description: string;
    /** Words to choose from; missing where it is a path. */
    readonly choices?: readonly string[];
  };
  /** What may stand behind it, as often as wanted. */
  readonly operands?: { readonly syntax: string; readonly description: string };
  readonly schema: () => Promise<z.ZodObject>;
  readonly load: () => Promise<CommandModule>;
  /** Not in the list of commands: started by other commands. */
  readonly hidden?: boolean;
}
