/** Two nodes with the same op, inputs and attributes are one. */
import type { GraphNode, Value } from '../graph/graph.js';
import { rewriteNodes } from './pass.js';

/** Dense constants count as equal only where they share their data: comparing bytes would cost more than it saves. */
function attributeKey(node: GraphNode, data: (buffer: object) => number): string {
  return JSON.stringify(node.attributes, (_, value: unknown) => {
    if (ArrayBuffer.isView(value)) return data(value);
    return typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
      ? `${1 / value}${value}`
      : value;
  });
}

export const commonSubexpressions = rewriteNodes('common-subexpressions', () => {
  const numbers = new Map<object, number>();
  const number = (of: object) => {
    const known = numbers.get(of) ?? numbers.size;
    numbers.set(of, known);
    return known;
  };
  const known = new Map<string, readonly Value[]>();
  return (build, node, inputs) => {
    const key = `${node.op} ${inputs.map(number).join(' ')} ${attributeKey(node, number)}`;
    const outputs = known.get(key) ?? build.addMany(node.op, inputs, node.attributes);
    known.set(key, outputs);
    return outputs;
  };
});
