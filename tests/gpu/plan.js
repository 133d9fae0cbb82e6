/** What tests/gpu does, in order, and how long each stage may take before it is stopped. */

/** BERT-base, 32 rows of 128 tokens in one shard: the measurement that docs/engines.md is about. */
export const base = { layers: 12, hiddenSize: 768, rows: 32, tokens: 128, steps: 40 };
/** Small enough for every stage to take seconds, large enough for several shards a step. */
export const small = { layers: 2, hiddenSize: 128, rows: 8, tokens: 32, steps: 8 };

export const precisions = ['f32', 'bf16'];

/** Seconds add up to less than ten minutes. */
export const stages = [
  { name: 'conformance', seconds: 120, what: 'ops, gradients and models of each engine against reference' },
  { name: 'hashes', seconds: 120, what: 'one hash for 1 and 2 workers, which share the card' },
  { name: 'speed', seconds: 240, what: 'BERT-base, cold and warm compilation cache: tokens/s, memory, utilisation' },
  { name: 'peer', seconds: 110, what: 'the same step in PyTorch on the same card' },
]; // prettier-ignore

export const exitCodes = { passed: 0, failed: 1, usage: 64, noGpu: 69 };

const defaults = {
  device: 'cuda:0',
  site_packages: undefined,
  peers: '../shared/peers',
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
