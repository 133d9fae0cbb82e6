/** What of a model is trained, in words: by name, shape and share, alike ones of all layers in a line. */
import { elementCount } from '../optimizer/layout.js';
import type { Parameter } from '../program/program.js';

/** @returns one line for the whole and one per kind of parameter; none where everything is trained */
export function describeTrained(parameters: readonly Parameter[]): string[] {
  const trained = parameters.filter(({ trainable }) => trainable);
  if (trained.length === parameters.length) return [];
  const [own, all] = [countOf(trained), countOf(parameters)];
  const groups = new Map<string, Parameter[]>();
  for (const parameter of trained) {
    const key = `${parameter.name.replace(/\.\d+\./g, '.*.')} [${parameter.shape.join(', ')}]`;
    groups.set(key, [...(groups.get(key) ?? []), parameter]);
  }
  const lines = [...groups].map(([key, members]) =>
    members.length === 1 ? key : `${key} x ${members.length}`,
  );
  const share = ((100 * own) / all).toPrecision(3);
  return [`trained: ${grouped(own)} of ${grouped(all)} parameters (${share} %)`, ...lines];
}

function countOf(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
