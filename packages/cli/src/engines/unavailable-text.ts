import type { EngineUnavailable } from '@microtune/engine';

/** One line: what, why, and the command that would fix it. */
export function unavailableText({ name, reason, remedy }: EngineUnavailable): string {
  return `engine ${name} does not load: ${reason}${remedy === undefined ? '' : ` (try: ${remedy})`}`;
}
