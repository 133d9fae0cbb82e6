/**
 * `microtune chat <run folder>`: a conversation in the terminal. Every line is a turn of the user's; the answer comes as it is made.
 * Ctrl-C ends an answer where it is (what was said stays part of the conversation), Ctrl-D ends the conversation.
 */
import { createInterface, type Interface } from 'node:readline';
import type { Writable } from 'node:stream';
import type { LanguageModel } from '@microtune/inference';
import { MicrotuneError } from '@microtune/shared';
import type { Message } from '@microtune/tasks';
import type { CommandInput } from '../command.js';
import { chatOptions } from '../command-options.js';
import { parseOptions } from '../config/parse-options.js';
import type { Environment } from '../environment.js';
import { openPlacedModel } from '../inference/open-placed-model.js';
import { writeText } from '../output/write-text.js';

type Options = ReturnType<typeof parseOptions<typeof chatOptions>>;

export async function run({
  values,
  positional: folder,
  environment,
}: CommandInput): Promise<number> {
  const options = parseOptions(chatOptions, values);
  const onNote = (note: string): void => void environment.stderr.write(`note: ${note}\n`);
  const placed = { ...environment, ...options, onNote };
  await using model = await openPlacedModel(folder ?? '', placed);
  requireChat(model, folder ?? '');
  return await converse(model, options, environment);
}

async function converse(
  model: LanguageModel,
  { system, ...options }: Options,
  { stdin, stdout, stderr, terminal }: Environment,
): Promise<number> {
  const messages: Message[] = system === undefined ? [] : [{ role: 'system', content: system }];
  const lines = createInterface({ input: stdin, output: stdout, terminal, prompt: '> ' });
  const stopper = new Stopper(lines, stderr);
  if (terminal) lines.prompt();
  for await (const line of lines) {
    if (line.trim() !== '') {
      messages.push({ role: 'user', content: line });
      const generation = model.generate([messages], { ...options, signal: stopper.begin() });
      for await (const { text } of generation) if (!(await writeText(stdout, text))) return 0;
      const [answer] = await generation;
      stopper.end();
      await writeText(stdout, '\n');
      // An answer that was stopped before its first word is no turn: nor is the question.
      const said = answer?.text.trim() ?? '';
      if (said === '') messages.pop();
      else messages.push({ role: 'assistant', content: answer?.text ?? '' });
    }
    if (terminal) lines.prompt();
  }
  if (terminal) await writeText(stdout, '\n');
  return 0;
}

/** Ctrl-C: ends the answer under way; where there is none it clears the line and says how to leave. */
class Stopper {
  #current: AbortController | undefined;

  constructor(lines: Interface, stderr: Writable) {
    lines.on('SIGINT', () => {
      if (this.#current !== undefined) return this.#current.abort();
      lines.write(null, { ctrl: true, name: 'u' });
      stderr.write('\nCtrl-D ends the conversation\n');
      lines.prompt();
    });
  }

  begin(): AbortSignal {
    this.#current = new AbortController();
    return this.#current.signal;
  }

  end(): void {
    this.#current = undefined;
  }
}

/** @throws MicrotuneError `usage` for a model that holds no conversations */
function requireChat(
  model: Awaited<ReturnType<typeof openPlacedModel>>,
  folder: string,
): asserts model is LanguageModel {
  if (model.kind === 'labels') {
    throw new MicrotuneError(
      'usage',
      `${folder} holds a model of labels, which says nothing: chat needs a language model`,
    );
  }
  if (model.canChat) return;
  throw new MicrotuneError(
    'usage',
    `${folder} has no chat template, which a conversation needs (chat_template.jinja, or chat_template in tokenizer_config.json): ` +
      'put one there, or continue texts with microtune predict --prompt',
  );
}
