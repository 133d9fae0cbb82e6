/** `microtune bench-peer`: the second process of `bench allreduce`, started by it. */
import { joinAllReduceBench } from '../bench/allreduce-bench.js';

export async function run(): Promise<number> {
  await joinAllReduceBench();
  return 0;
}
