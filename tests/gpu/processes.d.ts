export function runProcess(
  command: readonly string[],
  options: { readonly seconds: number; readonly env?: NodeJS.ProcessEnv },
): Promise<{ code: number | null; stdout: string; stderr: string }>;
export function jsonLines(text: string): object[];
