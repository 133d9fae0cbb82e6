/**
 * Adds the partial sums of all ranks over one chunk, in tree order. Received payloads are copied into a staging slot of
 * the arena that stays in the cache; a rank's own sums are added where they lie.
 */
import type { Arena, Slot } from '@microtune/arena';
import { assert } from '@microtune/shared';
import type { Payload } from './payload.js';
import { TreeFold } from './tree-fold.js';
import { rootLevel, type TreeNode } from './tree.js';

/** Staging slots in use at once: left siblings that wait, one per level of the tree, and the newest. */
export const stagingSlots = 24;

export class ChunkAdder {
  readonly #arena: Arena;
  readonly #free: Slot[];
  readonly #staged = new Set<Slot>();
  readonly #result: Slot;
  readonly #fold: TreeFold<Slot>;

  constructor(
    arena: Arena,
    staging: readonly Slot[],
    { shardCount, result }: { shardCount: number; result: Slot },
  ) {
    this.#arena = arena;
    this.#free = [...staging];
    this.#result = result;
    const top = rootLevel(shardCount);
    this.#fold = new TreeFold(shardCount, (left, right, node) =>
      this.#add(node.level === top ? result : left, left, right),
    );
  }

  pushOwn(node: TreeNode, values: Slot): void {
    this.#fold.push(node, values);
  }

  pushReceived(node: TreeNode, payload: Payload): void {
    const slot = this.#free.pop();
    assert(slot, 'a free staging slot');
    const values = this.#arena.part(slot, 0, this.#result.count);
    const { buffer, byteOffset, byteLength } = values.view;
    payload.copyTo(new Uint8Array(buffer, byteOffset, byteLength));
    this.#staged.add(values);
    this.#fold.push(node, values);
  }

  /** Puts the root into the result. */
  finish(): void {
    const [root, ...others] = this.#fold.entries;
    assert(root && others.length === 0, 'the partial sums of all shards');
    const { memory, byteOffset } = root.value;
    if (memory !== this.#result.memory || byteOffset !== this.#result.byteOffset)
      this.#arena.copy(this.#result, root.value);
  }

  #add(destination: Slot, left: Slot, right: Slot): Slot {
    this.#arena.sum(destination, left, right);
    if (this.#staged.delete(right)) this.#free.push(right);
    return destination;
  }
}
