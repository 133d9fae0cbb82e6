/**
 * The text of a message's content: text, or a list of parts of which each is text, as the APIs of chat models write it.
 * @returns undefined for anything else (pictures, objects, nothing)
 */
export function contentText(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.map(partText);
  return texts.every((text) => text !== undefined) ? texts.join('') : undefined;
}

function partText(part: unknown): string | undefined {
  if (typeof part !== 'object' || part === null) return undefined;
  const { type, text } = part as { readonly type?: unknown; readonly text?: unknown };
  return (type === undefined || type === 'text') && typeof text === 'string' ? text : undefined;
}
