/** Plans out, reports in: the steps themselves, and what is logged of them. */
import { learningRateAt } from '../schedule.js';
import { fail, unexpected } from './failing.js';
import type { RunState, Stepped } from './run-state.js';
import { sendAll, update, updateMember, type Turn } from './turn.js';

/** Sends plans up to the next pause, at most `planAheadSteps` beyond what all workers have applied. */
export function sendPlans(turn: Turn): void {
  const { spec } = turn.state;
  const last = Math.min(turn.state.stepped + spec.planAheadSteps, nextPause(turn.state));
  while (turn.state.planned < last && turn.state.stopRequest === undefined) {
    const step = turn.state.planned + 1;
    const { shards, ranges } = spec.planStep(step);
    const learningRate = learningRateAt(spec.config, step, spec.totalSteps);
    sendAll(turn, step, { type: 'plan', learningRate, shards: [...shards], ranges: [...ranges] });
    update(turn, { planned: step });
  }
}

function nextPause(state: RunState): number {
  let step = state.settled + 1;
  while (step < state.spec.totalSteps && !state.cadence.pauses(step)) step++;
  return step;
}

/** Takes a report; when it was the last of the next step, the step is done. */
export function stepped(turn: Turn, rank: number, report: Stepped): void {
  const { reports, planned, members } = turn.state;
  const expected = (members[rank]?.stepped ?? 0) + 1;
  if (report.step !== expected || report.step > planned)
    return unexpected(turn, rank, `a report of step ${report.step}, expected step ${expected}`);
  updateMember(turn, rank, { stepped: report.step });
  const ofStep = new Map(reports.get(report.step)).set(rank, report);
  update(turn, { reports: new Map(reports).set(report.step, ofStep) });
  const next = turn.state.stepped + 1;
  const complete = turn.state.reports.get(next);
  if (complete?.size === turn.state.members.length) finishStep(turn, next, complete);
}

/** A worker that has applied a step knows that all have its result: the step is done, whoever did not live to report it. */
export function finishStepsUpTo(turn: Turn, step: number): void {
  while (turn.state.stepped < step) {
    const next = turn.state.stepped + 1;
    const reports = turn.state.reports.get(next);
    if (reports === undefined) return;
    finishStep(turn, next, reports);
    if (turn.state.stepped < next) return;
  }
}

function finishStep(turn: Turn, step: number, reports: ReadonlyMap<number, Stepped>): void {
  const byRank = [...reports].sort(([a], [b]) => a - b).map(([, report]) => report);
  const first = byRank[0];
  if (first === undefined) return;
  const odd = byRank.findIndex((report) => !agree(report, first));
  if (odd >= 0) {
    const reason = `its loss or gradient norm differs from worker 0's: the workers no longer hold the same weights`;
    fail(turn, { rank: odd, kind: 'disagreement', code: 'internal', reason });
    return;
  }
  const rest = new Map(turn.state.reports);
  rest.delete(step);
  const slowestMs = Math.max(...byRank.map(({ timings }) => timings.totalMs));
  const recentStepMs = [...turn.state.recentStepMs, slowestMs].slice(-rememberedSteps);
  update(turn, { stepped: step, reports: rest, recentStepMs });
  recordStep(turn, step, byRank, first);
}

const rememberedSteps = 32;

function agree(a: Stepped, b: Stepped): boolean {
  return a.lossSum === b.lossSum && a.weight === b.weight && a.gradientNorm === b.gradientNorm;
}

function recordStep(turn: Turn, step: number, byRank: readonly Stepped[], first: Stepped): void {
  const { spec, cadence } = turn.state;
  const { samples, tokens } = spec.planStep(step);
  const loss = first.lossSum / first.weight;
  const line = {
    step,
    epoch: step / spec.stepsOfEpoch,
    loss,
    learning_rate: learningRateAt(spec.config, step, spec.totalSteps),
    grad_norm: first.gradientNorm,
    samples,
    tokens,
  };
  turn.records.push({ type: 'step', line, timings: byRank.map((report) => report.timings) });
  update(turn, {
    samplesSeen: turn.state.samplesSeen + samples,
    tokensSeen: turn.state.tokensSeen + tokens,
    lossTotal: turn.state.lossTotal + loss,
    lossSinceLog: turn.state.lossSinceLog + loss,
  });
  if (cadence.logs(step)) log(turn, line);
}

/** The logged loss is the mean over the steps since the last log line. */
function log(
  turn: Turn,
  line: { step: number; epoch: number; learning_rate: number; grad_norm: number },
): void {
  const { lossSinceLog, lastLoggedStep, logHistory } = turn.state;
  const entry = {
    loss: lossSinceLog / (line.step - lastLoggedStep),
    grad_norm: line.grad_norm,
    learning_rate: line.learning_rate,
    epoch: line.epoch,
    step: line.step,
  };
  turn.records.push({ type: 'log', entry });
  update(turn, { lossSinceLog: 0, lastLoggedStep: line.step, logHistory: [...logHistory, entry] });
}
