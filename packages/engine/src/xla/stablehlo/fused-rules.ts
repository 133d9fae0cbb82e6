/** Lowerings of the fused ops: their parts, which XLA fuses by itself. */
import type { GraphNode } from '../../graph/graph.js';
import type { HloValue, HloWriter } from './hlo-writer.js';

const times = (writer: HloWriter, x: HloValue, by: number) =>
  writer.same('stablehlo.multiply', x, writer.filled(by, x));
const plus = (writer: HloWriter, x: HloValue, by: number) =>
  writer.same('stablehlo.add', x, writer.filled(by, x));

const lastAxis = (x: HloValue) => x.shape.length - 1;

/** x minus its maximum over the last axis, so that no exponential overflows. */
function centered(writer: HloWriter, x: HloValue): HloValue {
  const highest = writer.reduce('maximum', x, { axes: [lastAxis(x)], initial: -Infinity });
  return writer.same('stablehlo.subtract', x, writer.restore(highest, x.shape, [lastAxis(x)]));
}

export function lowerSoftmax(writer: HloWriter, x: HloValue): HloValue {
  const weights = writer.same('stablehlo.exponential', centered(writer, x));
  const total = writer.restore(writer.sum(weights, [lastAxis(x)]), x.shape, [lastAxis(x)]);
  return writer.same('stablehlo.divide', weights, total);
}

export function lowerLogSoftmax(writer: HloWriter, x: HloValue): HloValue {
  const shifted = centered(writer, x);
  const total = writer.sum(writer.same('stablehlo.exponential', shifted), [lastAxis(x)]);
  const logTotal = writer.restore(writer.same('stablehlo.log', total), x.shape, [lastAxis(x)]);
  return writer.same('stablehlo.subtract', shifted, logTotal);
}

export function lowerLayerNorm(
  writer: HloWriter,
  node: GraphNode<'layerNorm'>,
  [x, gamma, beta]: readonly HloValue[],
): readonly HloValue[] {
  const input = x!;
  const axes = [lastAxis(input)];
  const statistics = node.outputs[1]!.shape; // [..., 1]
  const width = input.shape.at(-1)!;
  const mean = times(writer, writer.reshape(writer.sum(input, axes), statistics), 1 / width);
  const deviation = writer.same('stablehlo.subtract', input, writer.spread(mean, input.shape));
  const squares = writer.sum(writer.same('stablehlo.multiply', deviation, deviation), axes);
  const variance = times(writer, writer.reshape(squares, statistics), 1 / width);
  const inverse = writer.same('stablehlo.rsqrt', plus(writer, variance, node.attributes.epsilon));
  const normal = writer.same('stablehlo.multiply', deviation, writer.spread(inverse, input.shape));
  const scaled = writer.same('stablehlo.multiply', normal, writer.spread(gamma!, input.shape));
  return [writer.same('stablehlo.add', scaled, writer.spread(beta!, input.shape)), mean, inverse];
}

/** The tanh approximation of Hendrycks and Gimpel 2016: 0.5 x (1 + tanh(k (x + c x^3))). */
const tanhScale = Math.sqrt(2 / Math.PI);
const tanhCubic = 0.044715;

/** The argument k (x + c x^3), and its derivative k (1 + 3 c x^2). */
function tanhArgument(
  writer: HloWriter,
  x: HloValue,
): { readonly value: HloValue; readonly slope: HloValue } {
  const square = writer.same('stablehlo.multiply', x, x);
  const factor = plus(writer, times(writer, square, tanhScale * tanhCubic), tanhScale);
  return {
    value: writer.same('stablehlo.multiply', x, factor),
    slope: plus(writer, times(writer, square, 3 * tanhScale * tanhCubic), tanhScale),
  };
}

export function lowerGelu(writer: HloWriter, node: GraphNode<'gelu'>, x: HloValue): HloValue {
  const gate =
    node.attributes.approximate === 'tanh'
      ? writer.same('stablehlo.tanh', tanhArgument(writer, x).value)
      : writer.same('chlo.erf', times(writer, x, Math.SQRT1_2));
  return writer.same('stablehlo.multiply', times(writer, x, 0.5), plus(writer, gate, 1));
}

/** dy times the derivative: 0.5 (1 + erf(x / sqrt 2)) + x e^(-x^2 / 2) / sqrt(2 pi), or the tanh form's. */
export function lowerGeluGrad(
  writer: HloWriter,
  node: GraphNode<'geluGrad'>,
  [dy, x]: readonly HloValue[],
): HloValue {
  const slope =
    node.attributes.approximate === 'tanh' ? tanhSlope(writer, x!) : erfSlope(writer, x!);
  return writer.same('stablehlo.multiply', dy!, slope);
}

function erfSlope(writer: HloWriter, x: HloValue): HloValue {
  const cumulative = times(
    writer,
    plus(writer, writer.same('chlo.erf', times(writer, x, Math.SQRT1_2)), 1),
    0.5,
  );
  const square = writer.same('stablehlo.multiply', x, x);
  const bell = writer.same('stablehlo.exponential', times(writer, square, -0.5));
  const density = times(writer, bell, 1 / Math.sqrt(2 * Math.PI));
  return writer.same('stablehlo.add', cumulative, writer.same('stablehlo.multiply', x, density));
}

function tanhSlope(writer: HloWriter, x: HloValue): HloValue {
  const argument = tanhArgument(writer, x);
  const gate = writer.same('stablehlo.tanh', argument.value);
  const half = times(writer, plus(writer, gate, 1), 0.5);
  const square = writer.same('stablehlo.multiply', gate, gate);
  const rest = writer.same('stablehlo.subtract', writer.filled(1, x), square);
  const bend = writer.same('stablehlo.multiply', rest, argument.slope);
  return writer.same(
    'stablehlo.add',
    half,
    writer.same('stablehlo.multiply', times(writer, x, 0.5), bend),
  );
}

export function lowerDropout(
  writer: HloWriter,
  node: GraphNode<'dropout'>,
  [x, mask]: readonly HloValue[],
): HloValue {
  return writer.select(mask!, times(writer, x!, node.attributes.scale), writer.filled(0, x!));
}
