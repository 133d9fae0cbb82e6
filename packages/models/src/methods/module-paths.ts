/** Which modules names mean, as PEFT takes them. */

/** Whether a path is one of the names or ends in one, after a dot. */
export function endsIn(path: string, names: readonly string[]): boolean {
  return names.some((name) => path === name || path.endsWith(`.${name}`));
}

/** Path of the module that a parameter belongs to. */
export function moduleOf(parameter: string): string {
  return parameter.replace(/\.(?:weight|bias)$/, '');
}
