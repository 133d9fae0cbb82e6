/** The real transformers and PEFT. Python with torch, transformers and peft is in .peers, or MICROTUNE_PYTHON names one. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const python = process.env['MICROTUNE_PYTHON'] ?? resolve('.peers/bin/python');
const script = fileURLToPath(new URL('peft_adapter.py', import.meta.url));

/** Why nothing can be compared here; undefined where it can. */
export const noPeft = existsSync(python) ? undefined : `no Python with peft: ${python} is not here`;

export type PeftTask =
  | { readonly logits: string; readonly ids: readonly number[][]; readonly language: boolean }
  | { readonly make: string; readonly base: string; readonly config: object };

/** @returns of each task its logits: [labels] of each sample, or [tokens, words]; null for a folder that was made */
export function runPeft(tasks: readonly PeftTask[]): (number[][] | number[][][] | null)[] {
  const answer = execFileSync(python, [script], {
    input: JSON.stringify(tasks),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 2 ** 28,
  });
  return JSON.parse(answer.trim().split('\n').at(-1) ?? '') as (number[][] | null)[];
}
