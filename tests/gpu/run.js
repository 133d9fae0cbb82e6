/**
 * Conformance, hashes, speed and memory on one card, beside PyTorch, as a dated report (tests/gpu/README.md). Plain
 * JavaScript over the built packages, so that it runs from an unpacked bundle, too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderReport } from '../../benchmarks/dist/support/report.js';
import { peakFlops, stepFlops } from '../../packages/cli/dist/bench/model-flops.js';
import { cacheFolderOf } from '../../packages/cli/dist/environment.js';
import { cpuFlags, telltaleFlags } from '../../packages/engine/dist/cpu-flags.js';
import { findGpus } from '../../packages/engine/dist/cuda/find-gpus.js';
import { missingLibraries } from '../../packages/engine/dist/setup/missing-libraries.js';
import { base, exitCodes, parseArguments, peerRuns, precisions, prepareSeconds, small, stages } from './plan.js'; // prettier-ignore
import { jsonLines, runProcess } from './processes.js';
import { makeJob, train, trainOptions } from './training.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Beside the script in a bundle, in the checkout, or beside the checkout. */
const peerFolders = ['peers', 'shared/peers', '../shared/peers'].map((each) => resolve(root, each));
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const mib = (bytes) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

process.exit(await main());

async function main() {
  let options;
  try {
    options = parseArguments(process.argv.slice(2));
  } catch (error) {
    console.error(`error: ${error.message}`);
    return exitCodes.usage;
  }
  const platform = options.device === 'cpu' ? 'cpu' : 'cuda';
  const found = platform === 'cpu' ? undefined : findGpus(process.env);
  const gpu = found?.gpus[Number(options.device.slice('cuda:'.length))];
  if (platform === 'cuda' && gpu === undefined) {
    console.error(
      `no NVIDIA GPU ${options.device} here: ${found.reason ?? 'the driver lists fewer'}; nothing was measured`,
    );
    return exitCodes.noGpu;
  }
  const folder = mkdtempSync(join(tmpdir(), 'microtune-gpu-'));
  const context = { options, platform, gpu, folder, cacheFolder: join(folder, 'cache'), rows: [], notes: [], stepMs: {}, failed: false }; // prettier-ignore
  try {
    const started = performance.now();
    await prepareEngines(context);
    for (const stage of stages) {
      if (options.only !== undefined && options.only !== stage.name) continue;
      console.log(`== ${stage.name}: ${stage.what}`);
      await runStage(stage, context);
      // After each: whoever lent the machine may take it back.
      publish(context, found);
    }
    context.notes.push(`took ${((performance.now() - started) / 1000).toFixed(0)} s`);
    const { file, text } = publish(context, found);
    console.log(`\n${text}\nwritten: ${file}`);
    return context.failed ? exitCodes.failed : exitCodes.passed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A cache folder of this run alone, so that its first compilation is a cold one; libraries are linked from the user's. */
async function prepareEngines(context) {
  const { options, platform, cacheFolder } = context;
  const own = cacheFolderOf(process.env, process.env.HOME ?? '');
  for (const engine of ['xla', 'tensorflow']) {
    mkdirSync(join(cacheFolder, engine), { recursive: true });
    const releases = existsSync(join(own, engine)) ? readdirSync(join(own, engine)) : [];
    for (const release of releases.filter((name) => name !== 'compiled' && !name.startsWith('.')))
      symlinkSync(join(own, engine, release), join(cacheFolder, engine, release));
  }
  if (options.site_packages !== undefined) {
    rmSync(join(cacheFolder, 'xla'), { recursive: true });
    const args = [
      join(root, 'packages/cli/bin/microtune.js'),
      'setup',
      'xla',
      '--from',
      options.site_packages,
    ];
    if (platform === 'cuda') args.push('--cuda');
    const env = { ...process.env, MICROTUNE_CACHE: cacheFolder };
    const { code, stdout, stderr } = await runProcess([process.execPath, ...args], {
      seconds: prepareSeconds,
      env,
    });
    console.log((stdout + stderr).trim());
    if (code !== 0) record(context, 'setup xla', stderr.trim(), false);
  }
  context.engines = ['xla', 'tensorflow'].filter((name) => {
    const missing = missingLibraries(name, cacheFolder, platform);
    if (missing !== undefined) context.notes.push(`${name} left out: ${missing.reason}`);
    return missing === undefined;
  });
  if (context.engines.length === 0)
    record(
      context,
      'engines',
      'none is set up; a Python with JAX has one: --site_packages DIR',
      false,
    );
}

async function runStage({ name, seconds }, context) {
  const until = performance.now() + seconds * 1000;
  const secondsLeft = () => Math.max(1, (until - performance.now()) / 1000);
  await attempt(context, name, () =>
    ({ conformance, hashes, speed, peer })[name](context, secondsLeft),
  );
}

/** What fails is a row of the report, and the rest goes on. */
async function attempt(context, what, measure) {
  try {
    await measure();
  } catch (error) {
    record(context, what, error.message, false);
  }
}

function record(context, what, result, passed = true) {
  context.rows.push([
    what,
    String(result)
      .replaceAll(/\s*\n\s*/g, ' ')
      .replaceAll('|', '/'),
    passed ? 'ok' : 'FAILED',
  ]);
  if (!passed) context.failed = true;
  console.log(`${passed ? 'ok    ' : 'FAILED'} ${what}: ${result}`);
}

async function conformance(context, secondsLeft) {
  const { engines, platform, cacheFolder, gpu } = context;
  const env = { ...process.env, ...(gpu && { CUDA_VISIBLE_DEVICES: gpu.uuid, CUDA_DEVICE_ORDER: 'PCI_BUS_ID', NVIDIA_TF32_OVERRIDE: '0' }) }; // prettier-ignore
  for (const engine of engines) {
    const command = [process.execPath, here('conformance.js'), engine, platform, cacheFolder];
    const { stdout, stderr, code } = await runProcess(command, { seconds: secondsLeft(), env });
    const [result] = jsonLines(stdout);
    const what = `conformance of ${engine}`;
    if (result?.checks === undefined) {
      record(
        context,
        what,
        result?.unavailable ?? `ended with ${code}: ${stderr.slice(-600)}`,
        false,
      );
      continue;
    }
    const { checks, problems, version, device } = result;
    const text = problems.map(({ name, problem }) => `${name}: ${problem}`).join('; ');
    record(
      context,
      what,
      `${checks - problems.length} of ${checks} (${version} on ${device}) ${text}`,
      problems.length === 0,
    );
  }
}

async function hashes(context, secondsLeft) {
  const { engines, options, folder, cacheFolder } = context;
  const job = await makeJob(join(folder, 'small'), small);
  for (const engine of engines) {
    for (const precision of precisions) {
      const what = `hash of ${engine} ${precision}, 1 and 2 workers`;
      await attempt(context, what, async () => {
        const found = [];
        for (const workers of [1, 2]) {
          const given = {
            engine,
            devices: options.device,
            oversubscribe: workers > 1 && options.device !== 'cpu',
            workers,
            bf16: precision === 'bf16',
            micro_batch_tokens: 64,
            output_dir: join(folder, `hash-${engine}-${precision}-${workers}`),
          };
          const summary = await train(trainOptions(small, job, given), {
            cacheFolder,
            seconds: secondsLeft(),
          });
          found.push(summary.params_sha256);
        }
        const same = found[0] === found[1] && /^[0-9a-f]{64}$/.test(found[0]);
        record(context, what, found.map((hash) => String(hash).slice(0, 16)).join(' '), same);
      });
    }
  }
}

async function speed(context, secondsLeft) {
  const { engines, folder, gpu } = context;
  const shape = gpu === undefined ? small : base;
  const job = await makeJob(join(folder, gpu === undefined ? 'small' : 'base'), shape);
  for (const engine of engines) {
    for (const precision of precisions) {
      await attempt(context, `speed of ${engine} ${precision}`, () =>
        speedOf(context, { engine, precision, shape, job }, secondsLeft),
      );
    }
  }
}

async function speedOf(context, { engine, precision, shape, job }, secondsLeft) {
  const { options, folder, cacheFolder, gpu } = context;
  const run = async (start, steps) => {
    const output_dir = join(folder, `speed-${engine}-${precision}-${start}`);
    const given = { engine, devices: options.device, workers: 1, bf16: precision === 'bf16', micro_batch_tokens: shape.rows * shape.tokens, output_dir }; // prettier-ignore
    return train(
      { ...trainOptions(shape, job, given), max_steps: steps },
      { cacheFolder, seconds: secondsLeft() },
    );
  };
  const cold = await run('cold', 3);
  const memory = watchMemory(gpu);
  const warm = await run('warm', shape.steps).finally(memory.stop);
  const what = `${engine} ${precision}`;
  const stepMs = warm.step_ms.p50;
  context.stepMs[what] = stepMs;
  record(
    context,
    `${what}: step, ${shape.rows} x ${shape.tokens}`,
    `${stepMs.toFixed(2)} ms p50, ${warm.step_ms.p95.toFixed(2)} p95`,
  );
  record(context, `${what}: tokens/s`, Math.round((shape.rows * shape.tokens * 1000) / stepMs));
  record(
    context,
    `${what}: start to first step`,
    `${cold.first_step_seconds.toFixed(1)} s cold, ${warm.first_step_seconds.toFixed(1)} s warm`,
  );
  if (gpu !== undefined) record(context, `${what}: peak memory of the card`, memory.peak());
  const flops = stepFlops(shape, shape);
  const peakRate = gpu && peakFlops(gpu.name, precision);
  const rate = `${(flops / stepMs / 1e9).toFixed(1)} TFLOP/s`;
  record(
    context,
    `${what}: model FLOPs`,
    peakRate === undefined
      ? `${rate}; no peak is known for this device`
      : `${rate}, ${((100 * flops * 1000) / stepMs / peakRate).toFixed(1)} % of ${(peakRate / 1e12).toFixed(0)}`,
  );
}

/** What other processes free or take shows, too: the card should be idle. */
function watchMemory(gpu) {
  const used = () => {
    const now = gpu && findGpus(process.env).gpus.find(({ uuid }) => uuid === gpu.uuid);
    return now?.freeMemoryBytes === undefined ? undefined : now.memoryBytes - now.freeMemoryBytes;
  };
  const before = used();
  let most = before ?? 0;
  const timer = setInterval(() => (most = Math.max(most, used() ?? 0)), 200);
  return {
    stop: () => clearInterval(timer),
    peak: () => (before === undefined ? 'not told by the driver' : mib(most - before)),
  };
}

async function peer(context, secondsLeft) {
  const { options, gpu } = context;
  if (gpu === undefined) {
    context.notes.push('PyTorch was not measured: no card');
    return;
  }
  const folders = options.peers === undefined ? peerFolders : [resolve(options.peers)];
  const script = folders.map((each) => join(each, 'pytorch_bert.py')).find(existsSync);
  if (script === undefined) {
    context.notes.push(`PyTorch was not measured: no pytorch_bert.py in ${folders.join(', ')}`);
    return;
  }
  for (const run of peerRuns) await peerRun(context, { ...run, script, seconds: secondsLeft() });
}

async function peerRun(context, { precision, compile, script, seconds }) {
  const { options, gpu, stepMs } = context;
  const args = ['base', base.rows, base.tokens, '--device', 'cuda', '--steps', 40].map(String);
  if (precision === 'bf16') args.push('--bf16');
  if (compile) args.push('--compile');
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: gpu.uuid, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
  const memory = watchMemory(gpu);
  const { stdout, stderr } = await runProcess([options.python, script, ...args], { seconds, env });
  memory.stop();
  const what = `PyTorch ${precision}${compile ? ', compiled' : ''}: step with AdamW`;
  const [result] = jsonLines(stdout);
  // A peer that does not run here says nothing about us.
  if (result?.with_adamw === undefined) {
    context.notes.push(`${what} does not run: ${stderr.trim().split('\n').at(-1)}`);
    return;
  }
  const peerMs = result.with_adamw.median_s * 1000;
  const ratios = Object.entries(stepMs)
    .filter(([name]) => name.endsWith(` ${precision}`))
    .map(([name, ms]) => `; ${name} is ${(peerMs / ms).toFixed(2)} times as fast`);
  const speed = `${peerMs.toFixed(2)} ms, ${Math.round(result.with_adamw.tokens_per_second)} tokens/s`;
  record(context, what, `${speed}, ${memory.peak()} (torch ${result.torch})${ratios.join('')}`);
}

function publish({ options, rows, notes, gpu }, found) {
  const flags = cpuFlags();
  const device =
    gpu === undefined
      ? 'the CPU'
      : `${gpu.name} (${gpu.uuid}, driver ${found.driverVersion ?? 'unknown'}, CUDA ${found.cudaVersion})`;
  const report = {
    what: 'gpu',
    title: `tests/gpu on ${device}`,
    command: `node tests/gpu/run.js ${process.argv.slice(2).join(' ')}`.trim(),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      features: telltaleFlags.filter((flag) => flags?.has(flag)),
      node: process.version,
      commit: commitOf(),
    },
    columns: ['what', 'result', ''],
    rows,
    notes: [
      ...notes,
      'model FLOPs per token: 6 x weights of the layers + 12 x layers x tokens x width (packages/cli/src/bench/model-flops.ts, with the peaks)',
    ],
  };
  const date = new Date().toISOString().slice(0, 10);
  const text = renderReport(report, date);
  const name = (gpu?.name ?? 'cpu').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const file = join(resolve(options.report), `gpu_${name}_${date}.md`);
  mkdirSync(resolve(options.report), { recursive: true });
  writeFileSync(file, text);
  return { file, text };
}

/** Of the bundle, or of the checkout; a copy of one may have neither. */
function commitOf() {
  const bundle = join(root, 'bundle.json');
  if (existsSync(bundle)) return JSON.parse(readFileSync(bundle, 'utf8')).commit;
  const { stdout } = spawnSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: root,
    encoding: 'utf8',
  });
  return stdout?.trim() || 'unknown';
}
