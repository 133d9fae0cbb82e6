/** `microtune train`: a run with worker processes on this machine. */
import { exitCodes, systemClock } from '@microtune/shared';
import type { CommandInput } from '../command.js';
import { loadConfig } from '../config/load-config.js';
import { jsonTrainView, textTrainView } from '../output/train-view.js';
import { listenForStop } from '../signals.js';

export async function run({ values, positional, environment }: CommandInput): Promise<number> {
  process.title = 'microtune coordinator';
  const config = await loadConfig(values, positional);
  // After the configuration is known to be right: a wrong option is told in a tenth of a second.
  const { launchTraining } = await import('../training/launch-training.js');
  const view = config.json
    ? jsonTrainView(environment, systemClock)
    : textTrainView(environment, systemClock);
  using stop = listenForStop((text) => view.tell(text));
  try {
    const summary = await launchTraining(config, {
      cacheFolder: environment.cacheFolder,
      variables: environment.variables,
      observe: (news) => view.news(news),
      stop: stop.signal,
      // performance.now() counts from the start of the process: what the user waits for.
      startedAt: 0,
      commandLine: environment.commandLine,
    });
    view.summary(summary, config.outputDir);
    if (summary.status === 'interrupted') return exitCodes.interrupted;
    return summary.status === 'terminated' ? exitCodes.terminated : 0;
  } finally {
    view.clear();
  }
}
