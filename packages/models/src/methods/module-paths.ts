/** Which modules names mean, as PEFT takes them. */

/** Whether a path is one of the names or ends in one, after a dot. */
export function endsIn(path: string, names: readonly string[]): boolean {
  return names.some((name) => path === name || path.endsWith(`.${name}`));
}

/** The same, or a pattern of the whole path. */
export function isNamed(path: string, names: readonly string[] | RegExp): boolean {
  return names instanceof RegExp ? names.test(path) : endsIn(path, names);
}

/** Whether a module, or one that it is part of, has a path with such an end (PEFT's modules_to_save). */
export function isSavedWhole(path: string, names: readonly string[]): boolean {
  const parts = path.split('.');
  return parts.some((_, i) => {
    const outer = parts.slice(0, i + 1).join('.');
    return names.some((name) => outer.endsWith(name));
  });
}

/** The value whose pattern the end of a path matches, after a dot; the first such one (PEFT's rank_pattern). */
export function patternValue(
  path: string,
  values: Readonly<Record<string, number>>,
): number | undefined {
  return Object.entries(values).find(([pattern]) =>
    new RegExp(`^(?:.*\\.)?(?:${pattern})$`).test(path),
  )?.[1];
}

/** The number of the layer that a path is in: the first number behind two names, or behind one of the lists named. */
export function layerOfPath(path: string, lists: readonly string[] = []): number | undefined {
  const found =
    lists.length === 0
      ? /^.*?\.[^.]*\.(\d+)\./.exec(path)
      : lists
          .map((list) => new RegExp(`^(?:.*?\\.)?${list}\\.(\\d+)\\.`).exec(path))
          .find((match) => match !== null);
  return found?.[1] === undefined ? undefined : Number(found[1]);
}

/** Path of the module that a parameter belongs to. */
export function moduleOf(parameter: string): string {
  return parameter.replace(/\.(?:weight|bias)$/, '');
}
