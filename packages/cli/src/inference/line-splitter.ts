/** Bytes in pieces -> lines, each decoded on its own, so that bad UTF-8 spoils one line only. */

export type Line = { readonly text: string } | { readonly problem: string };

export interface LineSplitter {
  /** The lines that `bytes` completed. */
  push(bytes: Uint8Array): Line[];
  /** What was left without a final newline. */
  end(): Line[];
}

const newline = 0x0a;

export function lineSplitter(): LineSplitter {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  /** Pieces of a line whose end has not come; joined once, so that a long line costs no quadratic copying. */
  let pending: Uint8Array[] = [];

  const decode = (bytes: Uint8Array): Line => {
    try {
      const text = decoder.decode(bytes);
      return { text: text.endsWith('\r') ? text.slice(0, -1) : text };
    } catch {
      return { problem: 'not valid UTF-8' };
    }
  };
  const take = (last: Uint8Array): Line => {
    const line = pending.length === 0 ? last : Buffer.concat([...pending, last]);
    pending = [];
    return decode(line);
  };

  return {
    push(bytes) {
      const lines: Line[] = [];
      let start = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        lines.push(take(bytes.subarray(start, end)));
        start = end + 1;
      }
      if (start < bytes.length) pending.push(bytes.slice(start));
      return lines;
    },
    end() {
      return pending.length === 0 ? [] : [take(new Uint8Array(0))];
    },
  };
}
