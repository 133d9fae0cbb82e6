/**
 * ShareGPT's form of a message, `{"from": "human", "value": "…"}`. Taken only where it cannot be anything else: both fields are
 * there and those of the usual form are not.
 */
const roleOf: Readonly<Record<string, string>> = {
  human: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  system: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
};

/** The message in the usual form; one that is not ShareGPT's comes back as it is. A sender nobody knows stays as the role. */
export function fromShareGpt(
  message: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { from, value, ...others } = message;
  if (typeof from !== 'string' || value === undefined) return message;
  if ('role' in message || 'content' in message) return message;
  return { ...others, role: Object.hasOwn(roleOf, from) ? roleOf[from] : from, content: value };
}
