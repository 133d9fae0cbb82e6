import { MicrotuneError } from '@microtune/shared';
import type { Method, MethodModel } from './method.js';
import { moduleOf } from './module-paths.js';

/**
 * All is trained but parameters that a pattern matches; what the task makes anew always is.
 * @throws MicrotuneError `usage` for a pattern that is no regular expression, or matches nothing
 */
export function freeze(
  { modules, headPaths }: MethodModel,
  { patterns }: { readonly patterns: readonly string[] },
): Method {
  const expressions = patterns.map(compile);
  const stays = (parameter: string): boolean =>
    !headPaths.includes(moduleOf(parameter)) && expressions.some((each) => each.test(parameter));
  const idle = expressions.find(
    (each) =>
      !modules.some(({ path }) =>
        [`${path}.weight`, `${path}.bias`].some((name) => each.test(name)),
      ),
  );
  if (idle !== undefined || expressions.length === 0) {
    throw new MicrotuneError(
      'usage',
      idle === undefined
        ? '--method freeze needs --freeze_parameters: regular expressions of names, e.g. embeddings'
        : `--freeze_parameters: no parameter matches ${idle.source}; there are e.g. ${modules[0]?.path ?? ''}.weight, ${modules.at(-1)?.path ?? ''}.weight`,
    );
  }
  return { trains: (parameter) => !stays(parameter), adds: [], adapterConfig: undefined };
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new MicrotuneError(
      'usage',
      `--freeze_parameters: ${JSON.stringify(pattern)} is no regular expression`,
      { cause },
    );
  }
}
