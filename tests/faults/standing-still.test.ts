/** Processes that stand still: Ctrl-Z, a suspended laptop, a hung worker. The waits overlap: all tests run at once. */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { eventually, isAlive, readSteps, startTraining, type Cluster } from '../support/cluster.js';
import { makeTinyJob } from '../support/tiny-job.js';

const options = { max_steps: 1_000_000, save_strategy: 'no' };

async function startTwo(job: Awaited<ReturnType<typeof makeTinyJob>>): Promise<Cluster> {
  const cluster = startTraining(job, { output: job.output('run'), workers: 2, options });
  await cluster.reaches(5);
  return cluster;
}

const pidOf = (cluster: Cluster, rank: number): number =>
  cluster.workers().find((worker) => worker.rank === rank)?.pid ?? 0;

async function freeze(pids: readonly number[], ms: number): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await sleep(ms);
  for (const pid of pids) process.kill(pid, 'SIGCONT');
}

/** The run is training again. */
async function goesOn(cluster: Cluster, output: string): Promise<void> {
  const before = readSteps(output).at(-1)?.step ?? 0;
  await cluster.reaches(before + 20);
}

// Starting many processes at once takes its time on two cores.
describe.concurrent('a run goes on', { timeout: 180_000 }, () => {
  it('after all its processes stood still for 16 s, as a suspended laptop (C9)', async () => {
    using job = await makeTinyJob();
    await using cluster = await startTwo(job);
    await freeze([cluster.pid, ...cluster.workers().map(({ pid }) => pid)], 16_000);
    await goesOn(cluster, job.output('run'));
    cluster.signal('SIGINT');
    const { code, text } = await cluster.ended;
    expect(code, text).toBe(130);
    expect(text).toMatch(/this process did not run for \d+ s/);
    expect(text).not.toContain('"code":"waiting_for_worker"');
  });

  it('after its coordinator alone was stopped for 15 s by Ctrl-Z and continued by fg (C9); when that is killed, a worker that hears nothing ends with it', async () => {
    using job = await makeTinyJob();
    await using cluster = await startTwo(job);
    const workers = cluster.workers().map(({ pid }) => pid);
    cluster.signal('SIGTSTP');
    await sleep(15_000);
    expect(workers.every(isAlive)).toBe(true);
    cluster.signal('SIGCONT');
    await goesOn(cluster, job.output('run'));
    process.kill(pidOf(cluster, 1), 'SIGSTOP');
    cluster.signal('SIGKILL');
    await eventually(() => !workers.some(isAlive), 5000, 'the workers to end');
  });

  it('after a worker stood still for 20 s, which it names within 10 s, with the step (C9, C10); a stop request does not wait for one that hangs, the other one saves', async () => {
    using job = await makeTinyJob();
    await using cluster = await startTwo(job);
    const output = job.output('run');
    const frozen = freeze([pidOf(cluster, 1)], 20_000);
    const name = /waiting for worker 1 since \d s, step (\d+)/;
    await eventually(() => name.test(cluster.text()), 10_000, 'the name of the worker');
    const stuckIn = Number(name.exec(cluster.text())?.[1]);
    expect(stuckIn).toBe((readSteps(output).at(-1)?.step ?? 0) + 1);
    await frozen;
    await goesOn(cluster, output);
    expect(cluster.text()).toMatch(/worker 1 goes on after \d+ s/);

    process.kill(pidOf(cluster, 0), 'SIGSTOP');
    await eventually(() => cluster.text().includes('waiting for worker 0'), 10_000, 'its name');
    const askedAt = performance.now();
    cluster.signal('SIGINT');
    const { code, text } = await cluster.ended;
    expect(performance.now() - askedAt).toBeLessThan(8000);
    expect(code, text).toBe(130);
    const step = /worker 1 saves the state after step (\d+)/.exec(text)?.[1];
    expect(existsSync(`${output}/checkpoint-${step}/trainer_state.json`)).toBe(true);
    expect(cluster.workers()).toEqual([]);
  });
});
