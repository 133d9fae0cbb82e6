/**
 * How a model folder wants a conversation written: a Jinja template in chat_template.jinja, or in tokenizer_config.json as one text
 * or as a list of named ones. The first wins where both are there, as in transformers.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { listed, parseJsonObject, readIfThere, readSpecialTokens } from '@microtune/data';
import { MicrotuneError, messageOf } from '@microtune/shared';
import { z } from 'zod';
import { TemplateRefusal, compileJinja, type JinjaTemplate } from './jinja.js';
import type { Conversation } from './conversation.js';

export interface ChatTemplate {
  /** Where it stands, for messages. */
  readonly origin: string;
  /** Of everything that decides the text: the template, the tokens it names, and the day where it asks for it. */
  readonly contentHash: string;
  /** It writes the day into its texts: another day, other tokens. */
  readonly namesToday: boolean;
  /**
   * @param addGenerationPrompt end with the head of the assistant's next turn
   * @throws MicrotuneError `data` when the template refuses the messages, or fails
   */
  render(messages: Conversation, options: { readonly addGenerationPrompt: boolean }): string;
}

export interface TemplateOptions {
  /** A template file in place of the folder's. */
  readonly file?: string | undefined;
  /** Which of several named ones. @default 'default' */
  readonly name?: string | undefined;
  /** For templates that write the date. */
  readonly today: Date;
}

const templateField = z
  .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
  .nullish();

/**
 * @param folder model folder
 * @returns undefined where the folder has no template
 * @throws MicrotuneError `data` for a broken one; `usage` for a name that is not there
 */
export async function loadChatTemplate(
  folder: string,
  options: TemplateOptions,
): Promise<ChatTemplate | undefined> {
  const found = await findTemplate(folder, options);
  if (found === undefined) return undefined;
  const { origin, source } = found;
  const tokens = await readSpecialTokens(folder);
  const namesToday = source.includes('strftime_now');
  const day = namesToday ? options.today.toDateString() : '';
  const template = compile(source, origin);
  return {
    origin,
    namesToday,
    contentHash: createHash('sha256')
      .update(JSON.stringify([source, tokens, day]))
      .digest('hex'),
    render: (messages, { addGenerationPrompt }) => {
      const variables = { ...tokens, messages, add_generation_prompt: addGenerationPrompt };
      try {
        return template.render(variables, options.today);
      } catch (cause) {
        const what = cause instanceof TemplateRefusal ? 'refuses the messages' : 'fails';
        throw new MicrotuneError('data', `${origin} ${what}: ${messageOf(cause)}`, { cause });
      }
    },
  };
}

function compile(source: string, origin: string): JinjaTemplate {
  try {
    return compileJinja(source);
  } catch (cause) {
    throw new MicrotuneError('data', `${origin} is no template: ${messageOf(cause)}`, { cause });
  }
}

async function findTemplate(
  folder: string,
  { file, name }: TemplateOptions,
): Promise<{ origin: string; source: string } | undefined> {
  if (file !== undefined) {
    const source = await readIfThere(file);
    if (source !== undefined) return { origin: file, source };
    throw new MicrotuneError('usage', `${file}: there is no such chat template`);
  }
  const own = join(folder, 'chat_template.jinja');
  const source = await readIfThere(own);
  if (source !== undefined) return { origin: own, source };
  const config = join(folder, 'tokenizer_config.json');
  const text = await readIfThere(config);
  if (text === undefined) return undefined;
  const field = templateField.safeParse(parseJsonObject(text, config)['chat_template']);
  if (!field.success) {
    throw new MicrotuneError(
      'data',
      `${config}: chat_template: expected a text or a list of {name, template}`,
    );
  }
  return chosen(field.data, config, name);
}

function chosen(
  field: z.infer<typeof templateField>,
  file: string,
  name = 'default',
): { origin: string; source: string } | undefined {
  if (field === undefined || field === null) return undefined;
  if (typeof field === 'string') return { origin: `${file}: chat_template`, source: field };
  const one = field.find((each) => each.name === name);
  if (one !== undefined) {
    return { origin: `${file}: chat_template ${JSON.stringify(name)}`, source: one.template };
  }
  throw new MicrotuneError(
    'usage',
    `${file}: no chat template is named ${JSON.stringify(name)}; there are ${listed(field.map((each) => each.name))}`,
  );
}
