/** From the first hello to the first plan: who is there, who knows whom, and whether all loaded the same weights. */
import { shapeKey, type ShardShape } from '@microtune/shared';
import type { StepPlan } from './run-spec.js';
import type { Hello, Ready } from './run-state.js';
import { fail, unexpected } from './failing.js';
import { explain, ranksOf, send, update, updateMember, type Turn } from './turn.js';

export function hello(turn: Turn, rank: number, message: Hello): void {
  const known = turn.state.members[rank]?.hello !== undefined;
  if (turn.state.phase !== 'joining' || known || message.rank !== rank)
    return unexpected(
      turn,
      rank,
      `a hello of rank ${message.rank}${known ? ', a second one' : ''}`,
    );
  updateMember(turn, rank, { hello: message, progressAt: turn.now, phase: 'joined' });
  explain(
    turn,
    'worker_joined',
    `worker ${rank} joined from ${message.host} (process ${message.pid})`,
  );
  const hellos = turn.state.members.map((member) => member.hello);
  if (hellos.every((other) => other !== undefined)) welcomeAll(turn, hellos);
}

function welcomeAll(turn: Turn, hellos: readonly Hello[]): void {
  const { spec } = turn.state;
  const peers = hellos.map(({ bulkEndpoint }, rank) => ({ rank, bulkEndpoint }));
  // A run that is only to be ended has no next step.
  const next = turn.state.stepped + 1;
  const first = next <= spec.totalSteps ? spec.planStep(next) : undefined;
  for (const rank of ranksOf(turn.state)) {
    updateMember(turn, rank, { unanswered: 0 });
    send(turn, rank, turn.state.stepped, {
      type: 'welcome',
      rank,
      worldSize: hellos.length,
      peers,
      config: spec.config,
      checkpoint: spec.start?.checkpoint,
      task: spec.task,
      firstShapes: firstShapes(first, rank),
      sumsHeld: spec.sumsHeld[rank] ?? 1,
    });
  }
  update(turn, { phase: 'loading' });
  explain(
    turn,
    'workers_loading',
    `all ${hellos.length} workers are here; they load ${spec.start?.checkpoint ?? spec.config.modelNameOrPath}`,
  );
}

/** Each shape of a rank's shards once. */
function firstShapes(plan: StepPlan | undefined, rank: number): ShardShape[] {
  const { from, to } = plan?.ranges[rank] ?? { from: 0, to: 0 };
  const shapes = (plan?.shards ?? []).slice(from, to).map(({ shape }) => shape);
  return [...new Map(shapes.map((shape) => [shapeKey(shape), shape])).values()];
}

/** @returns true when every worker is ready with the same weights, so that training may begin */
export function ready(turn: Turn, rank: number, message: Ready): boolean {
  if (turn.state.phase !== 'loading' || turn.state.members[rank]?.ready !== undefined) {
    unexpected(turn, rank, `"ready" while the run is ${turn.state.phase}`);
    return false;
  }
  updateMember(turn, rank, { ready: message });
  explain(turn, 'worker_ready', `worker ${rank} computes with ${deviceText(message.device)}`);
  const all = turn.state.members.map((member) => member.ready);
  const other = all.findIndex(
    (one) => one !== undefined && one.stateSha256 !== message.stateSha256,
  );
  if (other >= 0) {
    const reason =
      `loaded other weights than worker ${other} (state sha256 ${short(message.stateSha256)} and ` +
      `${short(all[other]?.stateSha256 ?? '')}): the model folder must be the same for all workers`;
    fail(turn, { rank, kind: 'disagreement', code: 'data', reason });
    return false;
  }
  if (all.some((one) => one === undefined)) return false;
  const { device, trainableParameters, totalParameters, notes } = message;
  turn.records.push({ type: 'ready', device, trainableParameters, totalParameters, notes });
  explain(
    turn,
    'workers_ready',
    `all workers are ready with the same weights (${short(message.stateSha256)})`,
  );
  update(turn, { phase: 'training' });
  return true;
}

/** Every worker has the weights of the best evaluation. */
export function restored(turn: Turn, rank: number, stateSha256: string): boolean {
  const { phase, members: before } = turn.state;
  if (phase !== 'restoring' || before[rank]?.restoredSha256 !== undefined) {
    unexpected(turn, rank, `"restored" while the run is ${phase}`);
    return false;
  }
  updateMember(turn, rank, { restoredSha256: stateSha256 });
  const hashes = turn.state.members.map((member) => member.restoredSha256);
  if (hashes.some((hash) => hash === undefined)) return false;
  const odd = hashes.findIndex((hash) => hash !== hashes[0]);
  if (odd < 0) return true;
  fail(turn, {
    rank: odd,
    kind: 'disagreement',
    code: 'data',
    reason: 'restored other weights than worker 0',
  });
  return false;
}

/** e.g. `xla PJRT 0.81, bf16, on cuda:0 (NVIDIA H200, GPU-…), driver 580.65.06, CUDA 13.0`. */
function deviceText({ engine, engineVersion, precision, device, gpu }: Ready['device']): string {
  const what = `${engine} ${engineVersion}, ${precision}, on`;
  if (gpu === undefined) return `${what} ${device}`;
  const driver = gpu.driverVersion === undefined ? '' : `, driver ${gpu.driverVersion}`;
  return `${what} ${gpu.name} (${device}, ${gpu.uuid})${driver}, CUDA ${gpu.cudaVersion}`;
}

function short(sha256: string): string {
  return sha256.slice(0, 12);
}
