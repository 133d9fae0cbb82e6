/**
 * Lays the parts of onnxruntime-node that this package holds into dist: its JavaScript as dist/lib, its libraries for
 * Linux as dist/bin, at the places where that JavaScript looks for them.
 */
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const dist = fileURLToPath(new URL('dist', import.meta.url));

rmSync(dist, { recursive: true, force: true });
cpSync(join(source, 'dist'), join(dist, 'lib'), { recursive: true });
writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n');
const linux = 'bin/napi-v6/linux';
cpSync(join(source, linux), join(dist, linux), { recursive: true, dereference: true });
