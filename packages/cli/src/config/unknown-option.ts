/** What is said to an option or key that does not exist: why it is refused, or the nearest one that does. */
import { MicrotuneError, refusedOptions } from '@microtune/shared';
import { nearestName } from '@microtune/shared/nearest-name';

export interface UnknownOption {
  /** snake_case, without dashes. */
  readonly name: string;
  /** As the user wrote it, e.g. `--lr` or `lr (line 3 of config.yaml)`. */
  readonly written: string;
  readonly known: readonly string[];
  /** Dashes in front of an offered name, or nothing in a file. */
  readonly prefix: string;
  /** The command whose help lists the known ones. */
  readonly command: string;
}

/** The `usage` error for an option that the command does not have. */
export function unknownOption({
  name,
  written,
  known,
  prefix,
  command,
}: UnknownOption): MicrotuneError {
  const reason = refusedOptions[name];
  if (reason !== undefined) {
    return new MicrotuneError(
      'usage',
      `${written} is an option of HuggingFace that Microtune refuses: ${reason}`,
    );
  }
  const nearest = nearestName(name, known);
  const offer =
    nearest === undefined ? `see microtune ${command} --help` : `did you mean ${prefix}${nearest}?`;
  return new MicrotuneError('usage', `unknown option ${written}; ${offer}`);
}
