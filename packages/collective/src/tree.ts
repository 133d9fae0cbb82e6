/**
 * Arithmetic of the summation tree over the shards of a step; pure functions.
 *
 * Node (level, index) covers shards [index * 2^level, (index + 1) * 2^level), clipped at the number of shards. Its value
 * is left + right, or its left child alone when nothing is to the right. So the order of additions depends on the
 * number of shards and nothing else. A node that equals its parent (the right sibling is empty) is always named by the
 * highest such parent, its *canonical* name: then two names never mean the same sum.
 */
import { assert } from '@microtune/shared';

export interface TreeNode {
  readonly level: number;
  readonly index: number;
}

/** First shard a node covers. */
export function firstShard({ level, index }: TreeNode): number {
  return index * 2 ** level;
}

/** One past the last shard a node covers. */
export function endShard({ level, index }: TreeNode, shardCount: number): number {
  return Math.min((index + 1) * 2 ** level, shardCount);
}

export function parentOf({ level, index }: TreeNode): TreeNode {
  return { level: level + 1, index: Math.floor(index / 2) };
}

export function sameNode(a: TreeNode, b: TreeNode): boolean {
  return a.level === b.level && a.index === b.index;
}

/** The two are the left and the right child of one node. */
export function areSiblings(left: TreeNode, right: TreeNode): boolean {
  return left.level === right.level && left.index % 2 === 0 && right.index === left.index + 1;
}

/** Level of the root: the smallest that covers all shards. */
export function rootLevel(shardCount: number): number {
  return shardCount <= 1 ? 0 : Math.ceil(Math.log2(shardCount));
}

/** The highest node with the same shards. A count of Infinity (not known yet) leaves a node as it is. */
export function canonical(node: TreeNode, shardCount: number): TreeNode {
  if (shardCount === Infinity) return node;
  const top = rootLevel(shardCount);
  let result = node;
  while (result.level < top && result.index % 2 === 0) {
    const rightStart = (result.index + 1) * 2 ** result.level;
    if (rightStart < shardCount) break;
    result = parentOf(result);
  }
  return result;
}

/** The maximal nodes inside shards [from, to), in shard order, by their canonical names. */
export function nodesOfRange(from: number, to: number, shardCount: number): TreeNode[] {
  assert(from >= 0 && to <= shardCount, `shards [${from}, ${to}) of ${shardCount}`);
  const nodes: TreeNode[] = [];
  let next = from;
  while (next < to) {
    const node = largestNodeFrom(next, to, shardCount);
    nodes.push(node);
    next = endShard(node, shardCount);
  }
  return nodes;
}

function largestNodeFrom(start: number, to: number, shardCount: number): TreeNode {
  let node = canonical({ level: 0, index: start }, shardCount);
  while (node.level < rootLevel(shardCount) && node.index % 2 === 0) {
    const parent = canonical(parentOf(node), shardCount);
    if (endShard(parent, shardCount) > to) break;
    node = parent;
  }
  return node;
}
