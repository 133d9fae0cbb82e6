/**
 * Adds values of tree nodes, given in shard order, as far as the tree allows: a stack on which siblings merge as soon
 * as both are there, like the carries of a binary counter. Partial sums, chunks and sparse rows are all added by it,
 * which is what makes their order the same.
 */
import { assert } from '@microtune/shared';
import { areSiblings, canonical, endShard, firstShard, parentOf, type TreeNode } from './tree.js';

export interface FoldEntry<Value> {
  readonly node: TreeNode;
  readonly value: Value;
}

/** Gives left + right; may reuse either. `node` is where the sum belongs. */
export type Merge<Value> = (left: Value, right: Value, node: TreeNode) => Value;

export class TreeFold<Value> {
  readonly #shardCount: number;
  readonly #merge: Merge<Value>;
  readonly #stack: FoldEntry<Value>[] = [];

  /** @param shardCount Infinity while unknown: then only complete nodes merge */
  constructor(shardCount: number, merge: Merge<Value>) {
    this.#shardCount = shardCount;
    this.#merge = merge;
  }

  /** Takes the value of the node that begins where the one before ended. */
  push(node: TreeNode, value: Value): void {
    const before = this.#stack.at(-1);
    assert(
      !before || endShard(before.node, this.#shardCount) === firstShard(node),
      `node (${node.level}, ${node.index}) does not follow the shards added so far`,
    );
    this.#stack.push({ node: canonical(node, this.#shardCount), value });
    while (this.#mergeTop());
  }

  #mergeTop(): boolean {
    const [left, right] = this.#stack.slice(-2);
    if (!left || !right || !areSiblings(left.node, right.node)) return false;
    const node = canonical(parentOf(left.node), this.#shardCount);
    this.#stack.length -= 2;
    this.#stack.push({ node, value: this.#merge(left.value, right.value, node) });
    return true;
  }

  /** What has not found its sibling, in shard order. */
  get entries(): readonly FoldEntry<Value>[] {
    return this.#stack;
  }
}
