/**
 * Conformance, hashes, speed and memory on one card, beside PyTorch, as a dated report (tests/gpu/README.md). Plain
 * JavaScript over the built packages, so that it runs from an unpacked bundle, too.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { renderReport } from '../../benchmarks/dist/support/report.js';
import { peakFlops, stepFlops } from '../../packages/cli/dist/bench/model-flops.js';
import { cacheFolderOf } from '../../packages/cli/dist/environment.js';
import { cpuFlags, telltaleFlags } from '../../packages/cli/dist/machine/cpu-flags.js';
import { findGpus } from '../../packages/engine/dist/cuda/find-gpus.js';
import { missingLibraries } from '../../packages/engine/dist/setup/missing-libraries.js';
import { base, exitCodes, parseArguments, precisions, small, stages } from './plan.js';
import { jsonLines, runProcess } from './processes.js';
import { makeJob, train, trainOptions } from './training.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
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
  const context = { options, platform, gpu, folder, cacheFolder: join(folder, 'cache'), rows: [], notes: [], failed: false }; // prettier-ignore
  try {
    const started = performance.now();
    await prepareEngines(context);
    for (const stage of stages) {
      if (options.only !== undefined && options.only !== stage.name) continue;
      console.log(`== ${stage.name}: ${stage.what}`);
      await runStage(stage, context);
    }
    context.notes.push(`took ${((performance.now() - started) / 1000).toFixed(0)} s`);
    publish(context, found);
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
      seconds: 120,
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
  if (context.engines.length === 0) record(context, 'engines', 'none is set up', false);
}

async function runStage({ name, seconds }, context) {
  const until = performance.now() + seconds * 1000;
  const secondsLeft = () => Math.max(1, (until - performance.now()) / 1000);
  try {
    await { conformance, hashes, speed, peer }[name](context, secondsLeft);
  } catch (error) {
    record(context, name, error.message, false);
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
      record(
        context,
        `hash of ${engine} ${precision}, 1 and 2 workers`,
        found.map((hash) => String(hash).slice(0, 16)).join(' '),
        same,
      );
    }
  }
}

async function speed(context, secondsLeft) {
  const { engines, options, folder, cacheFolder, gpu } = context;
  const shape = gpu === undefined ? small : base;
  const job = await makeJob(join(folder, gpu === undefined ? 'small' : 'base'), shape);
  for (const engine of engines) {
    for (const precision of precisions) {
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
      const warm = await run('warm', shape.steps);
      const peak = memory.stop();
      const what = `${engine} ${precision}`;
      const stepMs = warm.step_ms.p50;
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
      if (peak !== undefined) record(context, `${what}: peak memory of the card`, mib(peak));
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
  }
}

/** What other processes free or take shows, too: the card should be idle. */
function watchMemory(gpu) {
  const used = () => {
    const now = findGpus(process.env).gpus.find(({ uuid }) => uuid === gpu?.uuid);
    return now?.freeMemoryBytes === undefined ? undefined : now.memoryBytes - now.freeMemoryBytes;
  };
  const before = used();
  let most = before ?? 0;
  const timer = setInterval(() => (most = Math.max(most, used() ?? 0)), 200);
  return {
    stop: () => {
      clearInterval(timer);
      return before === undefined ? undefined : most - before;
    },
  };
}

async function peer(context, secondsLeft) {
  const { options, gpu } = context;
  const script = resolve(options.peers, 'pytorch_bert.py');
  if (gpu === undefined || !existsSync(script)) {
    context.notes.push(
      gpu === undefined
        ? 'PyTorch was not measured: no card'
        : `PyTorch was not measured: ${script} does not exist`,
    );
    return;
  }
  const env = { ...process.env, CUDA_VISIBLE_DEVICES: gpu.uuid };
  for (const precision of precisions) {
    for (const compile of [false, true]) {
      const args = [
        'base',
        base.rows,
        base.tokens,
        '--device',
        'cuda',
        '--steps',
        40,
        ...(precision === 'bf16' ? ['--bf16'] : []),
        ...(compile ? ['--compile'] : []),
      ];
      const { stdout, stderr } = await runProcess([options.python, script, ...args.map(String)], {
        seconds: secondsLeft(),
        env,
      });
      const what = `PyTorch ${precision}${compile ? ', compiled' : ''}: step with AdamW`;
      const [result] = jsonLines(stdout);
      // A peer that does not run here says nothing about us.
      if (result === undefined)
        context.notes.push(`${what} does not run: ${stderr.trim().split('\n').at(-1)}`);
      else
        record(
          context,
          what,
          `${(result.with_adamw.median_s * 1000).toFixed(2)} ms, ${Math.round(result.with_adamw.tokens_per_second)} tokens/s (torch ${result.torch})`,
        );
    }
  }
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
  console.log(`\n${text}\nwritten: ${file}`);
}

/** Of the bundle, or of the checkout. */
function commitOf() {
  const bundle = join(root, 'bundle.json');
  if (existsSync(bundle)) return JSON.parse(readFileSync(bundle, 'utf8')).commit;
  const head = readFileSync(join(root, '.git/HEAD'), 'utf8').trim();
  const ref = /^ref: (.*)$/.exec(head)?.[1];
  const file = ref && join(root, '.git', ref);
  return (file && existsSync(file) ? readFileSync(file, 'utf8') : head).slice(0, 9);
}
