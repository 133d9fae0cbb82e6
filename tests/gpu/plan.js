/** What tests/gpu does, in order, and how long each stage may take before it is stopped. */

/** BERT-base, 32 rows of 128 tokens in one shard: the measurement that docs/engines.md is about. */
export const base = { layers: 12, hiddenSize: 768, rows: 32, tokens: 128, steps: 40 };
/** Small enough for every stage to take seconds, large enough for several shards a step. */
export const small = { layers: 2, hiddenSize: 128, rows: 8, tokens: 32, steps: 8 };

export const precisions = ['f32', 'bf16'];

/** PyTorch: those that compile last: they may use up the time. */
export const peerRuns = [
  { precision: 'bf16', compile: false },
  { precision: 'f32', compile: false },
  { precision: 'bf16', compile: true },
  { precision: 'f32', compile: true },
];

/** Linking to a plugin and trying it out. */
export const prepareSeconds = 50;

/** With that, seconds add up to less than ten minutes: machines with cards are lent for so long. */
export const stages = [
  { name: 'conformance', seconds: 110, what: 'ops, gradients and models of each engine against reference' },
  { name: 'hashes', seconds: 110, what: 'one hash for 1 and 2 workers, which share the card' },
  { name: 'speed', seconds: 200, what: 'BERT-base, cold and warm compilation cache: tokens/s, memory, utilisation' },
  { name: 'peer', seconds: 100, what: 'the same step in PyTorch on the same card' },
]; // prettier-ignore

export const exitCodes = { passed: 0, failed: 1, usage: 64, noGpu: 69 };

const defaults = {
  device: 'cuda:0',
  site_packages: undefined,
  peers: undefined,
  python: 'python3',
  report: 'benchmarks/reports',
  only: undefined,
};

/** @param {readonly string[]} argv `--name value` pairs. @returns {typeof defaults} @throws {Error} naming what is wrong */
export function parseArguments(argv) {
  const options = { ...defaults };
  for (let at = 0; at < argv.length; at += 2) {
    const name = argv[at]?.replace(/^--/, '').replaceAll('-', '_') ?? '';
    const value = argv[at + 1];
    if (!(name in defaults) || value === undefined)
      throw new Error(
        `${argv[at]}: the options are ${Object.keys(defaults)
          .map((known) => `--${known}`)
          .join(', ')}, each with a value`,
      );
    options[name] = value;
  }
  if (!/^(cpu|cuda:\d+)$/.test(options.device))
    throw new Error(`--device ${options.device}: expected cpu or cuda:N`);
  if (options.only !== undefined && !stages.some(({ name }) => name === options.only))
    throw new Error(
      `--only ${options.only}: expected ${stages.map(({ name }) => name).join(', ')}`,
    );
  return options;
}
