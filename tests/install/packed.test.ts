/**
 * What a user does: the packed packages go into an empty folder with a plain `npm install`, a program is checked against
 * their types, trains and predicts. On the Node that runs the suite; MICROTUNE_TEST_NODES names others (`npx nx
 * install-everywhere tests`): each is installed from npm's package `node` and does the same, scripts on and off.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTinyJob, type TinyJob } from '../support/tiny-job.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const limitMegabytes = 510;
const nodes = process.env.MICROTUNE_TEST_NODES?.split(',') ?? [];
const scriptsOn = { ...process.env, npm_config_ignore_scripts: 'false' };

const folder = mkdtempSync(join(tmpdir(), 'microtune-install-'));
const packed = join(folder, 'packed');
let job: TinyJob;

beforeAll(async () => {
  job = await makeTinyJob();
  mkdirSync(packed);
  await run('npm', ['pack', '-ws', '--silent', '--pack-destination', packed], { cwd: root });
  // Private: npm packs it, and would not publish it.
  for (const file of tarballs().filter((name) => name.includes('benchmarks'))) rmSync(file);
}, 120_000);

afterAll(() => {
  job[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const tarballs = () => readdirSync(packed).map((name) => join(packed, name));

interface Place {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** @throws with what the program printed */
async function run(program: string, args: readonly string[], place: Place): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, args, {
      env: scriptsOn,
      maxBuffer: 2 ** 26,
      ...place,
    });
    return stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ').slice(0, 200)} failed:\n${stdout}\n${stderr}`, {
      cause: error,
    });
  }
}

/** An empty project with the packages in it. */
async function install(name: string, flags: readonly string[], env = scriptsOn): Promise<string> {
  const app = join(folder, name);
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "version": "1.0.0" }');
  const options = ['--no-audit', '--no-fund', '--prefer-offline'];
  const started = performance.now();
  await run('npm', ['install', ...options, ...flags, ...tarballs()], { cwd: app, env });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const size = await run('du', ['-sm', 'node_modules'], { cwd: app });
  const megabytes = Number.parseInt(size, 10);
  console.log(`${name}: npm install ${flags.join(' ')} took ${seconds} s, ${megabytes} MB`);
  expect(megabytes).toBeLessThanOrEqual(limitMegabytes);
  return app;
}

const program = `
import { loadModel, train, type ClassPrediction, type RunConfig, type Summary } from 'microtune';

const [model, trainFile, outputDir] = process.argv.slice(2) as [string, string, string];
const config: RunConfig = {
  modelNameOrPath: model, trainFile, outputDir,
  columnNames: ['sentence', 'label'], maxSteps: 2, perDeviceTrainBatchSize: 8, engine: 'onnx', workers: 1,
};
const summary: Summary = await train(config);
await using classifier = await loadModel(outputDir, { engine: 'onnx' });
const [answer] = await classifier.predict(['a warm film']);
const label: string = (answer as ClassPrediction).label;
console.log(JSON.stringify({ status: summary.status, label }));
// @ts-expect-error a step count is a number
void ({ maxSteps: 'two' } satisfies RunConfig);
`;

/** The program against the packages' types, then what it compiles to. */
async function useApi(app: string, env = scriptsOn): Promise<void> {
  writeFileSync(join(app, 'program.mts'), program);
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const common = [
    '--strict',
    '--skipLibCheck',
    '--target',
    'es2022',
    '--lib',
    'es2023,esnext.disposable,dom',
  ];
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
  for (const [module, resolution] of [
    ['esnext', 'bundler'],
    ['nodenext', 'nodenext'],
  ] as const) {
    const how = ['--module', module, '--moduleResolution', resolution];
    await run(process.execPath, [tsc, ...common, ...types, ...how, 'program.mts'], { cwd: app });
  }
  const output = join(app, 'run');
  const printed = await run('node', ['program.mjs', job.model, job.train, output], {
    cwd: app,
    env: { ...env, MICROTUNE_CACHE: join(app, 'cache') },
  });
  const { status, label } = JSON.parse(printed.trim().split('\n').at(-1)!) as Record<
    string,
    string
  >;
  expect(status).toBe('completed');
  expect(['0', '1']).toContain(label);
}

/** The command, with a config.ts outside every package. */
async function useCommand(app: string, env = scriptsOn): Promise<void> {
  const config = join(folder, 'config.ts');
  const values = {
    modelNameOrPath: job.model,
    trainFile: job.train,
    columnNames: ['sentence', 'label'],
  };
  writeFileSync(
    config,
    `import { defineConfig } from 'microtune';\nconst values = ${JSON.stringify(values)} as const;\nexport default defineConfig({ ...values, columnNames: [...values.columnNames] });\n`,
  );
  const checked = await run(
    'npx',
    ['microtune', 'check', config, '--output_dir', join(app, 'new')],
    {
      cwd: app,
      env: { ...env, MICROTUNE_CACHE: join(app, 'cache') },
    },
  );
  expect(checked).toContain('160');
}

it('a package holds what it needs and no more', async () => {
  for (const file of tarballs()) {
    const paths = (await run('tar', ['-tzf', file], { cwd: folder })).trim().split('\n');
    expect(paths, file).toContain('package/README.md');
    expect(paths, file).toContain('package/LICENSE');
    const odd = paths.filter(
      (path) =>
        !/^package\/(?:package\.json|README\.md|LICENSE|bin\/microtune\.js|(?:dist|bundle)\/.*)$/.test(
          path,
        ),
    );
    expect(odd, file).toEqual([]);
    expect(
      paths.filter((path) => /\.(?:test|case)\.|tsbuildinfo|\/testing\//.test(path)),
      file,
    ).toEqual([]);
  }
});

describe.skipIf(nodes.length > 0)('on this Node', () => {
  it('the packages install without a script, and the API and the command work', async () => {
    const app = await install('app', ['--ignore-scripts']);
    await useApi(app);
    await useCommand(app);
  }, 240_000);
});

describe.skipIf(nodes.length === 0).each(nodes)('on Node %s', (version) => {
  it('the packages install, scripts on and off, and the API and the command work', async () => {
    const place = join(folder, `node-${version}`);
    mkdirSync(place);
    writeFileSync(join(place, 'package.json'), '{}');
    await run('npm', ['install', '--no-audit', '--no-fund', `node@${version}`], { cwd: place });
    const binary = join(place, 'node_modules/node/bin');
    const env = { ...scriptsOn, PATH: `${binary}${delimiter}${process.env.PATH ?? ''}` };
    console.log(`node ${version}: ${await run('node', ['--version'], { cwd: place, env })}`);
    for (const [name, flags] of [
      ['scripts-on', []],
      ['scripts-off', ['--ignore-scripts']],
    ] as const) {
      const app = await install(`app-${version}-${name}`, flags, env);
      await useApi(app, env);
      await useCommand(app, env);
    }
  }, 600_000);
});
