/**
 * Jinja as transformers sets it up for chat templates: blocks trimmed, `raise_exception` and `strftime_now` beside the language's own.
 * The library's `Template` would read the clock by itself; this one is handed the day.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { formatDate } from './format-date.js';

export interface JinjaTemplate {
  /** @throws TemplateRefusal when the template calls `raise_exception`; the library's error when it fails */
  render(variables: Readonly<Record<string, unknown>>, today: Date): string;
}

/** What a template says to messages it does not take. */
export class TemplateRefusal extends TypeError {
  override readonly name = 'TemplateRefusal';
}

/** @throws the library's error for a text that is no template */
export function compileJinja(source: string): JinjaTemplate {
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  return {
    render(variables, today) {
      const environment = new Environment();
      for (const [name, value] of Object.entries({ ...globalsOf(today), ...variables }))
        environment.set(name, value);
      // The value of a whole template is the text it wrote.
      return String(new Interpreter(environment).run(program).value);
    },
  };
}

function globalsOf(today: Date): Record<string, unknown> {
  return {
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
    range,
    raise_exception: (message: unknown): never => {
      throw new TemplateRefusal(String(message));
    },
    strftime_now: (format: unknown): string => formatDate(today, String(format)),
  };
}

/** As Python's. */
function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const count = Math.max(0, Math.ceil((to - from) / step));
  return Array.from({ length: count }, (_, index) => from + index * step);
}
