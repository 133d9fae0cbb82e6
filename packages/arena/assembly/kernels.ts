/**
 * SIMD loops over the arena, compiled by AssemblyScript to dist/kernels.wasm (`npm run build:wasm`). Arguments are byte
 * addresses and counts of float32 values. Addresses are unsigned and may lie above 2 GiB; loops count down
 * instead of comparing with an end address, because the end of a full memory is 2^32. Values left over after the last
 * full vector are done one by one with the same float32 operations, so a result never depends on where a loop was cut.
 */

/** destination[i] = left[i] + right[i]; destination may be left or right. */
export function sum(destination: usize, left: usize, right: usize, count: u32): void {
  let blocks = count >> 4;
  for (; blocks > 0; blocks--) {
    const first = f32x4.add(v128.load(left), v128.load(right));
    const second = f32x4.add(v128.load(left, 16), v128.load(right, 16));
    const third = f32x4.add(v128.load(left, 32), v128.load(right, 32));
    const fourth = f32x4.add(v128.load(left, 48), v128.load(right, 48));
    v128.store(destination, first);
    v128.store(destination, second, 16);
    v128.store(destination, third, 32);
    v128.store(destination, fourth, 48);
    destination += 64;
    left += 64;
    right += 64;
  }
  for (let rest = count & 15; rest > 0; rest--) {
    store<f32>(destination, load<f32>(left) + load<f32>(right));
    destination += 4;
    left += 4;
    right += 4;
  }
}

/** Moves `count` values; the regions may overlap. */
export function copy(destination: usize, source: usize, count: u32): void {
  memory.copy(destination, source, (count as usize) << 2);
}

export function fill(destination: usize, value: f32, count: u32): void {
  const values = f32x4.splat(value);
  for (let blocks = count >> 2; blocks > 0; blocks--) {
    v128.store(destination, values);
    destination += 16;
  }
  for (let rest = count & 3; rest > 0; rest--) {
    store<f32>(destination, value);
    destination += 4;
  }
}

/** Sum of squares in float64: eight running sums by position modulo 8, added in a fixed order at the end. */
export function sumOfSquares(source: usize, count: u32): f64 {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let c = f64x2.splat(0);
  let d = f64x2.splat(0);
  for (let blocks = count >> 3; blocks > 0; blocks--) {
    const first = v128.load(source);
    const second = v128.load(source, 16);
    a = f64x2.add(a, squaresOfLowHalf(first));
    b = f64x2.add(b, squaresOfLowHalf(swapHalves(first)));
    c = f64x2.add(c, squaresOfLowHalf(second));
    d = f64x2.add(d, squaresOfLowHalf(swapHalves(second)));
    source += 32;
  }
  const pairs = f64x2.add(f64x2.add(a, b), f64x2.add(c, d));
  let total = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1);
  for (let rest = count & 7; rest > 0; rest--) {
    const value = load<f32>(source) as f64;
    total += value * value;
    source += 4;
  }
  return total;
}

function swapHalves(values: v128): v128 {
  return i64x2.shuffle(values, values, 1, 0);
}

function squaresOfLowHalf(values: v128): v128 {
  const wide = f64x2.promote_low_f32x4(values);
  return f64x2.mul(wide, wide);
}

/**
 * AdamW as torch.optim.AdamW's single-tensor path. The scalars come ready from the host: decay = 1 - lr * weightDecay,
 * lerp = 1 - beta1, squareWeight = 1 - beta2, rootScale = sqrt(1 - beta2^t), stepSize = lr / (1 - beta1^t).
 *
 * Moments below `tiny` become zero. Without it the moments of embedding rows that are never touched again decay into
 * subnormal numbers after about 700 steps and stay there, and arithmetic on those is up to 100 times slower on some CPUs;
 * the update they would make is below 1e-28.
 */
const tiny: f32 = 1e-36;

export function adamw(
  parameter: usize,
  gradient: usize,
  m: usize,
  v: usize,
  count: u32,
  gradientScale: f32,
  decay: f32,
  lerp: f32,
  beta2: f32,
  squareWeight: f32,
  rootScale: f32,
  epsilon: f32,
  stepSize: f32,
): void {
  const scales = f32x4.splat(gradientScale);
  const decays = f32x4.splat(decay);
  const lerps = f32x4.splat(lerp);
  const betas = f32x4.splat(beta2);
  const squareWeights = f32x4.splat(squareWeight);
  const rootScales = f32x4.splat(rootScale);
  const epsilons = f32x4.splat(epsilon);
  const stepSizes = f32x4.splat(stepSize);
  const limits = f32x4.splat(tiny);
  for (let blocks = count >> 2; blocks > 0; blocks--) {
    const g = f32x4.mul(v128.load(gradient), scales);
    const oldM = v128.load(m);
    const lerped = f32x4.add(oldM, f32x4.mul(lerps, f32x4.sub(g, oldM)));
    const squared = f32x4.add(
      f32x4.mul(v128.load(v), betas),
      f32x4.mul(f32x4.mul(squareWeights, g), g),
    );
    const newM = v128.andnot(lerped, f32x4.lt(f32x4.abs(lerped), limits));
    const newV = v128.andnot(squared, f32x4.lt(squared, limits));
    const denominator = f32x4.add(f32x4.div(f32x4.sqrt(newV), rootScales), epsilons);
    const decayed = f32x4.mul(v128.load(parameter), decays);
    v128.store(m, newM);
    v128.store(v, newV);
    v128.store(parameter, f32x4.sub(decayed, f32x4.div(f32x4.mul(stepSizes, newM), denominator)));
    parameter += 16;
    gradient += 16;
    m += 16;
    v += 16;
  }
  for (let rest = count & 3; rest > 0; rest--) {
    const g = load<f32>(gradient) * gradientScale;
    const oldM = load<f32>(m);
    const lerped = oldM + lerp * (g - oldM);
    const squared = load<f32>(v) * beta2 + squareWeight * g * g;
    const newM: f32 = abs<f32>(lerped) < tiny ? 0 : lerped;
    const newV: f32 = squared < tiny ? 0 : squared;
    const denominator = sqrt<f32>(newV) / rootScale + epsilon;
    store<f32>(m, newM);
    store<f32>(v, newV);
    store<f32>(parameter, load<f32>(parameter) * decay - (stepSize * newM) / denominator);
    parameter += 4;
    gradient += 4;
    m += 4;
    v += 4;
  }
}

/**
 * `adamw` with a gradient of zeros for the rows of a table whose mark (one byte per row) is not 0.
 * `zeros` are at least `width` of them.
 */
export function adamwMarked(
  marks: usize,
  rows: u32,
  width: u32,
  parameter: usize,
  zeros: usize,
  m: usize,
  v: usize,
  gradientScale: f32,
  decay: f32,
  lerp: f32,
  beta2: f32,
  squareWeight: f32,
  rootScale: f32,
  epsilon: f32,
  stepSize: f32,
): void {
  const rowBytes = (width as usize) << 2;
  for (; rows > 0; rows--) {
    if (load<u8>(marks) != 0) {
      // prettier-ignore
      adamw(parameter, zeros, m, v, width, gradientScale, decay, lerp, beta2, squareWeight, rootScale, epsilon, stepSize);
    }
    marks += 1;
    parameter += rowBytes;
    m += rowBytes;
    v += rowBytes;
  }
}
