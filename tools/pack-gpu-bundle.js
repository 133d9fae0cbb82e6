/**
 * Packs what tests/gpu needs on a machine with a card, without a checkout and without network: Node, the built packages
 * with the production dependencies of the engine `xla`, and the script. XLA's plugin and CUDA are not in it: the machine
 * has them in a Python with JAX (`tests/gpu/run.js --site_packages DIR`). Models are made there, from a seed.
 *
 *   node tools/pack-gpu-bundle.js [FILE.tar.xz]      # needs tar and xz; prints size and sha256
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const limitBytes = 60e6;
/** What PyTorch is measured with, where the project's shared folder lies beside the checkout. */
const peerScript = join(root, '../shared/peers/pytorch_bert.py');

/** Of the packages' dependencies, what `xla` and `reference` never load. */
const leftOut = new Set(['node-api-headers', '@types/seedrandom', '@types/long', '@types/offscreencanvas', '@webgpu/types']); // prettier-ignore

/** Files that no program loads; the native ones of other systems; tfjs's further builds of the same code. */
const useless =
  /\.(?:map|d\.ts|d\.mts|d\.cts|ts|md|markdown|c|cc|cpp|h|hpp|flow|tsbuildinfo)$|\.test\.js$|\.(?:es2017|fesm)(?:\.min)?\.js$|\/tf-[a-z-]+(?:\.min)?\.js$/i;
const otherSystem = [
  /koffi\/(?:build\/koffi\/(?!linux_x64)|src|lib|vendor|doc)/,
  /zeromq\/(?:build\/(?:darwin|win32)|build\/linux\/(?!x64)|src|script)/,
  /tokenizers\.(?!linux-x64-gnu)[a-z0-9-]+\.node$/,
  // In this package everything but the bundle for Node: nothing imports its single modules.
  /@tensorflow\/tfjs-(?:core|backend-cpu)\/dist\/(?!tf-[a-z-]+\.node\.js$|package\.json$)/,
  /@tensorflow\/tfjs-(?:core|backend-cpu)\/src/,
];

const out = resolve(process.argv[2] ?? join(root, 'microtune-gpu.tar.xz'));
const stage = mkdtempSync(join(tmpdir(), 'microtune-bundle-'));
try {
  const top = join(stage, 'microtune-gpu');
  const packages = readdirSync(join(root, 'packages')).filter((name) => name !== 'onnxruntime');
  for (const name of packages) copyPackage(name, top);
  copy('tests/gpu', top);
  copy('benchmarks/dist/support', top);
  copy('benchmarks/package.json', top);
  copyDependencies(packages, top);
  copyNode(top);
  if (existsSync(peerScript)) cpSync(peerScript, join(top, 'peers/pytorch_bert.py'));
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: root,
    encoding: 'utf8',
  });
  writeFileSync(
    join(top, 'bundle.json'),
    JSON.stringify({ commit: commit.trim(), node: process.version }),
  );
  writeFileSync(join(top, 'package.json'), '{"type":"module","private":true}\n');
  execFileSync(
    'tar',
    ['--sort=name', '--owner=0', '--group=0', '-C', stage, '-cJf', out, 'microtune-gpu'],
    {
      stdio: 'inherit',
      env: { ...process.env, XZ_OPT: '-9' },
    },
  );
  report();
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function report() {
  const bytes = statSync(out).size;
  const sha256 = createHash('sha256').update(readFileSync(out)).digest('hex');
  console.log(`${out}\n${(bytes / 1e6).toFixed(1)} MB, sha256 ${sha256}`);
  console.log(
    'there: tar xJf FILE && cd microtune-gpu && ./node tests/gpu/run.js --site_packages DIR',
  );
  if (bytes > limitBytes) {
    console.error(`error: larger than ${limitBytes / 1e6} MB`);
    process.exitCode = 1;
  }
}

function copyPackage(name, top) {
  const folder = join('packages', name);
  if (!existsSync(join(root, folder, 'dist')))
    throw new Error(`${folder} is not built: npm run build`);
  for (const part of ['package.json', 'dist', 'bundle', 'bin']) copy(join(folder, part), top);
  // Packages find each other as npm's workspaces do.
  const { name: imported } = manifestOf(join(root, folder));
  const link = join(top, 'node_modules', imported);
  mkdirSync(dirname(link), { recursive: true });
  execFileSync('ln', ['-s', relative(dirname(link), join(top, folder)), link]);
}

function copy(path, top) {
  const from = join(root, path);
  if (!existsSync(from)) return;
  cpSync(from, join(top, path), { recursive: true, dereference: true, filter: isNeeded });
}

function isNeeded(file) {
  const path = relative(root, file).split(sep).join('/');
  return (
    statSync(file).isDirectory() ||
    (!useless.test(path) && !otherSystem.some((pattern) => pattern.test(path)))
  );
}

/** Everything that the packages import, and what that imports, as npm laid it out. */
function copyDependencies(packages, top) {
  const waiting = packages.map((name) => join(root, 'packages', name));
  const seen = new Set();
  for (let from = waiting.pop(); from !== undefined; from = waiting.pop()) {
    const { dependencies = {}, optionalDependencies = {} } = manifestOf(from);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      if (leftOut.has(name) || /^(?:@microtune\/|microtune$)/.test(name)) continue;
      const found = installed(name, from);
      if (found === undefined || seen.has(found)) continue;
      seen.add(found);
      copy(relative(root, found), top);
      waiting.push(found);
    }
  }
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** Node's own search, upwards from a package. */
function installed(name, from) {
  for (let folder = from; folder.startsWith(root); folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

/** Without its symbols: a third of the file. */
function copyNode(top) {
  const node = join(top, 'node');
  cpSync(process.execPath, node);
  try {
    execFileSync('strip', [node]);
    execFileSync(node, ['-e', '0']);
  } catch {
    cpSync(process.execPath, node);
  }
}
