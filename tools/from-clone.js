/**
 * `npm test` and `npm run demo` on a fresh clone: installs if needed, builds, then does the work. Everything printed is
 * what the tools printed; the last line of `test` counts the tests of all packages: N passed, N failed, N skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const reports = join(root, '.reports');
const environment = { ...process.env, NX_TUI: 'false', NX_DAEMON: 'false', FORCE_COLOR: '0' };

/** Runs a command, its output passed through; returns its exit code. */
function run(title, command, args) {
  const started = performance.now();
  console.log(`\n== ${title}: ${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: environment,
  });
  if (error) console.error(`cannot run ${command}: ${error.message}`);
  console.log(
    `== ${title}: ${status === 0 ? 'ok' : 'FAILED'} in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  );
  return status ?? 1;
}

/** Installs when node_modules is missing or older than the lock file. */
function install() {
  const marker = join(root, 'node_modules', '.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return 0;
  return run('install', 'npm', ['ci', '--no-audit', '--no-fund']);
}

const nx = (...args) => ['nx', ...args];

/** Adds up the JSON reports of all test runs; a project without a report counts as one failure. */
function countTests(projects) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const project of projects) {
    const file = join(reports, `${project.replace('@', '').replace('/', '-')}.json`);
    if (!existsSync(file)) {
      console.log(`no test report of ${project}: counted as a failure`);
      total.failed += 1;
      continue;
    }
    const report = JSON.parse(readFileSync(file, 'utf8'));
    total.passed += report.numPassedTests;
    total.failed += report.numFailedTests;
    total.skipped += report.numPendingTests + report.numTodoTests;
    if (!report.success && report.numFailedTests === 0) total.failed += 1;
  }
  return total;
}

/** Names of all workspace projects that have tests. */
function testedProjects() {
  return readdirSync(join(root, 'packages'))
    .map(
      (folder) =>
        JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')).name,
    )
    .concat('tests');
}

function test() {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  const steps = [
    ['build', nx('run-many', '-t', 'build', '--output-style=static')],
    ['format', ['prettier', '--check', '--log-level', 'warn', '.']],
    ['types', ['tsc', '-p', 'tsconfig.test.json']],
    ['lint', nx('run-many', '-t', 'lint', '--output-style=static')],
  ];
  let failedSteps = 0;
  for (const [title, args] of steps) {
    if (run(title, 'npx', args) === 0) continue;
    failedSteps += 1;
    if (title === 'build') break;
  }
  // One project at a time: tests start processes of their own, and two cores are all there is.
  const status = run(
    'tests',
    'npx',
    nx('run-many', '-t', 'test', '--parallel=1', '--output-style=static', '--nxBail=false'),
  );
  const total = countTests(testedProjects());
  const failed = total.failed + failedSteps;
  console.log(`\n${total.passed} passed, ${failed} failed, ${total.skipped} skipped`);
  return status === 0 && failed === 0 ? 0 : 1;
}

function demo() {
  const status = run('build', 'npx', nx('run-many', '-t', 'build', '--output-style=static'));
  return status === 0 ? run('demo', process.execPath, ['examples/demo/demo.js']) : status;
}

const tasks = { test, demo };
const task = tasks[process.argv[2]];
if (!task) {
  console.error(`usage: node tools/from-clone.js ${Object.keys(tasks).join('|')}`);
  process.exit(64);
}
process.exit(install() || task());
