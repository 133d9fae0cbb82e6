export const stages: readonly {
  readonly name: string;
  readonly seconds: number;
  readonly what: string;
}[];
export const prepareSeconds: number;
export const exitCodes: Readonly<Record<'passed' | 'failed' | 'usage' | 'noGpu', number>>;
export function parseArguments(
  argv: readonly string[],
): Readonly<Record<string, string | undefined>>;
