/** A line at the bottom of a terminal that is redrawn in place while ordinary lines scroll above it. */
import type { Writable } from 'node:stream';

export interface TerminalLine {
  /** Replaces the line. */
  draw(text: string): void;
  /** An ordinary line above it. */
  print(text: string): void;
  /** Removes the line. */
  clear(): void;
}

/** Carriage return, and erase to the end of the line. */
const eraseLine = '\r\u001B[K';

/** @param redraw false where nobody can see a line change: then `draw` does nothing */
export function terminalLine(output: Writable, redraw: boolean): TerminalLine {
  let shown = '';
  const clear = (): void => {
    if (shown !== '') output.write(eraseLine);
    shown = '';
  };
  return {
    draw(text) {
      if (!redraw || text === shown) return;
      output.write(`${eraseLine}${text}`);
      shown = text;
    },
    print(text) {
      const line = shown;
      clear();
      output.write(`${text}\n`);
      if (line !== '') this.draw(line);
    },
    clear,
  };
}
