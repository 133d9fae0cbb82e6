/**
 * Settings that native libraries read from the process's environment and from nowhere else. Who may touch it hands it
 * in (process.env: an assignment reaches the C library); it is changed only while the library reads it.
 */

/** The process's environment, or what stands for it. */
export type NativeEnvironment = Record<string, string | undefined>;

/** Runs `start` with the variables set, then puts back what was there. */
export function withVariables<Result>(
  environment: NativeEnvironment,
  variables: Readonly<Record<string, string>>,
  start: () => Result,
): Result {
  const before = Object.keys(variables).map((name) => [name, environment[name]] as const);
  Object.assign(environment, variables);
  try {
    return start();
  } finally {
    for (const [name, value] of before) {
      // Assigning undefined to process.env would make it the text "undefined".
      if (value === undefined) Reflect.deleteProperty(environment, name);
      else environment[name] = value;
    }
  }
}
