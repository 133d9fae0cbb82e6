/** What the rows of a run's data are to a language model, and what it learns of them: the options of the task `causal-lm`. */
import { z } from 'zod';

const name = z.string().min(1, 'must not be empty').optional();

/** Part of `runConfigSchema`. A default that is undefined is filled in by the task, which stores what it found. */
export const languageOptions = {
  promptColumn: name.describe('Column of prompts, for causal-lm. Default: prompt'),
  completionColumn: name.describe('Column of completions, for causal-lm. Default: completion'),
  messagesColumn: name.describe(
    'Column of conversations, for causal-lm. Default: messages or conversations',
  ),
  asChat: z
    .boolean()
    .optional()
    .describe('Make a conversation of each prompt and completion, by the chat template'),
  lossOn: z
    .enum(['completion', 'all'])
    .optional()
    .describe('What causal-lm learns. Default: completions and assistant turns; documents whole'),
  longRows: z
    .enum(['cut', 'drop'])
    .optional()
    .describe(
      'What causal-lm does with rows above max_seq_length, documents excepted, which go on in further samples. Default: cut',
    ),
  chatTemplate: name.describe("Template file in place of the model folder's"),
  templateDate: name.describe(
    'The day that a chat template writes into its texts, e.g. 2026-11-28',
  ),
} as const;
