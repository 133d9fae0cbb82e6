/** One thing that a careless or unlucky user does, and what must come of it. */

export interface BadCase {
  /** What is wrong, in words; the name of the test. */
  readonly name: string;
  /** Arguments after `microtune`; paths are relative to the case's own folder, which `scene.ts` describes. */
  readonly argv: readonly string[];
  /** Exit code (docs/operations.md). */
  readonly code: number;
  /** What standard error must say: the thing and the remedy. */
  readonly message: RegExp | readonly RegExp[];
  /** Puts the bad thing into the folder. */
  readonly prepare?: (folder: string) => void;
  readonly stdin?: string | Uint8Array;
  /** Part of the process's environment. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Runs as a process of its own: where the process itself is what matters, and as a sample of the rest. */
  readonly asProcess?: boolean;
  /** Why it cannot be shown here, where it cannot. */
  readonly skip?: string | undefined;
  /** What is still to be done in the program before it answers so. */
  readonly awaits?: string;
  /** Files that may come or change, in words of a pattern over paths; by default none. */
  readonly mayWrite?: RegExp;
}

/** Root passes every permission. */
export const rootSees: string | undefined =
  process.getuid?.() === 0 ? 'root passes every permission' : undefined;

export const modelAndData = ['--model_name_or_path', 'model', '--train_file', 'train.tsv'];
export const onnx = ['--engine', 'onnx'];

/** A case of a run: what comes after the command. */
export type BadRun = Omit<BadCase, 'argv'> & { readonly args: readonly string[] };

/** The same for `check` and for `train`, which must refuse alike. */
export function bothWays(cases: readonly BadRun[]): BadCase[] {
  return cases.flatMap((bad) => [asCommand('check', bad), asCommand('train', bad)]);
}

/** For what `train` finds only when its workers have started, seconds later: one case of `every` there, too. */
export function mostlyChecked(cases: readonly BadRun[], every: number): BadCase[] {
  return cases.flatMap((bad, at) =>
    at % every === 0
      ? [asCommand('check', bad), asCommand('train', bad)]
      : [asCommand('check', bad)],
  );
}

function asCommand(command: 'check' | 'train', { args, ...rest }: BadRun): BadCase {
  return { ...rest, name: `${rest.name} (${command})`, argv: [command, ...args] };
}
