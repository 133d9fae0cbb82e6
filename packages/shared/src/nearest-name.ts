/** The name that was probably meant. An entry of its own (`@microtune/shared/nearest-name`): few need it. */
import { closest, distance } from 'fastest-levenshtein';

/** Edits that still count as a slip of the fingers: one in three letters. */
const editsPerLetter = 1 / 3;

/** The nearest of `names` (in lower case), or undefined when none is near. */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  const name = written.toLowerCase();
  if (names.length === 0 || name === '') return undefined;
  const nearest = closest(name, [...names]);
  const longer = Math.max(name.length, nearest.length);
  if (distance(name, nearest) <= Math.ceil(longer * editsPerLetter)) return nearest;
  return names.find((candidate) => candidate.split('_').includes(name));
}
