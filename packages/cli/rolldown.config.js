/**
 * The command in few files: of its start, reading several hundred small modules took most of the time, for the command
 * and again for each worker. Native libraries and what users may replace stay packages. docs/decisions/0014-bundled-command.md
 */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'rolldown';

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Packages that are imported from where npm put them; each is a dependency of this package. */
const external = [
  '@microtune/onnxruntime',
  'jiti',
  'koffi',
  'node-api-headers',
  'tokenizers',
  'zeromq',
];
/** What the user may have installed, or `setup` has fetched. */
const provided = ['onnxruntime-node', '@tensorflow/tfjs-node-gpu'];

const missing = external.filter((name) => dependencies[name] === undefined);
if (missing.length > 0)
  throw new Error(`package.json lacks the dependencies ${missing.join(', ')}`);

const isExternal = (id) =>
  [...external, ...provided].some((name) => id === name || id.startsWith(`${name}/`));

/** The licenses ask that their texts go with copies of the code. */
const licenses = {
  name: 'licenses',
  writeBundle({ dir }, output) {
    const folders = new Set();
    for (const file of Object.values(output))
      for (const module of file.moduleIds ?? []) {
        const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module) ?? [];
        if (folder !== undefined) folders.add(folder);
      }
    const texts = [...folders].sort().map((folder) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      );
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim();
      return `${name} ${version}, ${license}\n\n${text}\n`;
    });
    writeFileSync(join(dir, 'LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
  },
};

/** What is kept on disk between processes counts for the same code alone (src/own-files.ts). */
const codeId = {
  name: 'code-id',
  writeBundle({ dir }, output) {
    const hash = createHash('sha256');
    for (const name of Object.keys(output).sort()) hash.update(readFileSync(join(dir, name)));
    writeFileSync(join(dir, 'code-id'), hash.digest('hex'));
  },
};

export default defineConfig({
  input: { main: 'dist/main.js' },
  platform: 'node',
  external: isExternal,
  // Of tfjs's builds, the one whose list of side effects is right: the other loses its backend.
  resolve: { mainFields: ['module', 'main'] },
  plugins: [licenses, codeId],
  // WebAssembly and the like lie beside the module that reads them.
  experimental: { resolveNewUrlToAsset: true },
  output: {
    dir: 'bundle',
    format: 'esm',
    cleanDir: true,
    chunkFileNames: '[name]-[hash].js',
    assetFileNames: '[name]-[hash][extname]',
  },
});
