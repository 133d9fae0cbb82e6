import { isAbsolute, join } from 'node:path';
import { Writable } from 'node:stream';
import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { cacheFolderOf, processEnvironment, type Environment } from './environment.js';
import { runProgram } from './program.js';

/** Runs the command line in this process; nothing of it but the streams is special. */
const microtune = async (...argv: string[]) => {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({ write: (chunk: Buffer, _, done) => ((written[name] += String(chunk)), done()) });
  const environment: Environment = {
    stdin: new PassThrough().end(),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    terminal: false,
    columns: 80,
    variables: {},
    cacheFolder: 'none',
    commandLine: argv,
    debug: argv.includes('--debug'),
  };
  const code = await runProgram(argv, environment);
  return { code, ...written };
};

describe('microtune', () => {
  it('lists its commands, without those that start by themselves', async () => {
    const { code, stdout } = await microtune('--help');
    expect(code).toBe(0);
    for (const name of ['train', 'check', 'eval', 'predict', 'bench', 'doctor', 'setup']) {
      expect(stdout).toContain(`  ${name} `);
    }
    expect(stdout).not.toContain('worker [options]');
    expect((await microtune()).stdout).toBe(stdout);
    expect((await microtune('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('shows every option of train with its meaning and default', async () => {
    const { code, stdout } = await microtune('train', '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/--learning_rate <number>\s+Peak learning rate \[default: 0.00005\]/);
    expect(stdout).toMatch(/--bf16 \[true\|false\]\s+Matrix products/);
    expect(stdout).toMatch(
      /--lr_scheduler_type <value>\s+Learning-rate schedule\s+\(linear, constant,/,
    );
  });

  it.each([
    [['trian'], 'error: unknown command trian; did you mean train?\n'],
    [
      ['train', '--learning_rat', '1'],
      'error: unknown option --learning_rat; did you mean --learning_rate?\n',
    ],
    [['eval', 'runs/a', '--fil', 'x'], 'error: unknown option --fil; did you mean --file?\n'],
    [['bench', 'engin'], 'error: unknown benchmark engin; did you mean engine?\n'],
    [['train', 'a.yaml', 'b.yaml'], 'too many arguments'],
    [['eval'], "missing required argument 'run_folder'"],
    [['eval', 'nowhere', '--file', 'x'], 'error: run folder nowhere does not exist\n'],
    [
      ['train', '--workers', '2'],
      'error: missing: --model_name_or_path (Folder of the source model',
    ],
    [['setup', 'onnx'], 'the engines to set up are openvino, tensorflow, xla; onnx comes with npm'],
    [['setup', 'openvino', '--cuda'], 'OpenVINO is for CPUs'],
    [
      ['train', '--devices', 'cuda:0', '--devices', 'cuda:1'],
      'error: --devices is given twice: write one list, separated by commas\n',
    ],
    [
      ['train', '--model_name_or_path', 'm', '--train_file', 'a', '--devices', 'gpu:0'],
      'error: devices: expected cpu, cuda, or cards such as cuda:0,cuda:1, got ["gpu:0"]\n',
    ],
    [['train', '--learning_rate', 'fast'], "error: --learning_rate expects a number, got 'fast'\n"],
  ])('answers %j with 64 and what to do', async (argv, message) => {
    const { code, stderr, stdout } = await microtune(...argv);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
  });

  it('gives an error as a JSON line, too, when asked for JSON', async () => {
    const { code, stdout } = await microtune('train', '--json', '--fp16');
    expect(code).toBe(64);
    expect(JSON.parse(stdout)).toMatchObject({ type: 'error', code: 'usage', exit_code: 64 });
  });

  it('shows stacks with --debug', async () => {
    expect((await microtune('train', '--fp16', '--debug')).stderr).toContain('    at ');
  });
});

describe('cache folder', () => {
  it('never lies in the current folder, also where HOME is empty (E23)', () => {
    vi.stubEnv('HOME', '').stubEnv('MICROTUNE_CACHE', '').stubEnv('XDG_CACHE_HOME', '');
    const { cacheFolder } = processEnvironment([]);
    vi.unstubAllEnvs();
    expect(isAbsolute(cacheFolder)).toBe(true);
    expect(cacheFolder.startsWith(process.cwd())).toBe(false);
  });

  it('is MICROTUNE_CACHE, else the user cache', () => {
    expect(cacheFolderOf({ MICROTUNE_CACHE: '/a' }, '/home/u')).toBe('/a');
    expect(cacheFolderOf({ MICROTUNE_CACHE: 'a' }, '/home/u')).toBe(join(process.cwd(), 'a'));
    expect(cacheFolderOf({ XDG_CACHE_HOME: '/c' }, '/home/u')).toBe('/c/microtune');
    expect(cacheFolderOf({ XDG_CACHE_HOME: 'c' }, '/home/u')).toBe('/home/u/.cache/microtune');
    expect(cacheFolderOf({}, '/home/u')).toBe('/home/u/.cache/microtune');
  });
});
