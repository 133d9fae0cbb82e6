/**
 * Lays the parts of onnxruntime-node that this package holds into dist: its JavaScript as dist/lib, its libraries for
 * Linux as dist/bin, at the places where that JavaScript looks for them.
 */
const { cpSync, rmSync } = require('node:fs');
const { dirname, join } = require('node:path');

const source = dirname(require.resolve('onnxruntime-node/package.json'));
const dist = join(__dirname, 'dist');

rmSync(dist, { recursive: true, force: true });
cpSync(join(source, 'dist'), join(dist, 'lib'), { recursive: true });
const linux = 'bin/napi-v6/linux';
cpSync(join(source, linux), join(dist, linux), { recursive: true, dereference: true });
