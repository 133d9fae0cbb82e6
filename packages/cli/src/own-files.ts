/**
 * Files of this package. The code runs from src/ (tests), dist/ (the API) and bundle/ (the command), and what is in
 * bundle/ has lost the folders it came from: so no other file may look for one beside itself.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const ownFile = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The command's main file, for processes started by this one. */
export const commandFile: string = ownFile('bin/microtune.js');

/** What `import 'microtune'` gives a config.ts. */
export const defineConfigFile: string = ownFile('dist/define-config.js');

/** Of all code in bundle/, written with it; undefined where this code is not from there. */
export function codeId(): string | undefined {
  if (dirname(fileURLToPath(import.meta.url)) !== ownFile('bundle')) return undefined;
  return readFileSync(ownFile('bundle/code-id'), 'utf8');
}

/** Of this package, as npm knows it. */
export function ownVersion(): string {
  return (JSON.parse(readFileSync(ownFile('package.json'), 'utf8')) as { version: string }).version;
}
