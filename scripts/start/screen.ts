/* Lines that scroll, and below them a picture that is drawn over itself. */

/** Where the launcher writes. */
export interface Screen {
  say(line?: string): void;
  /** Shows a picture from now on, in place of the one before; none: nothing. Only on a terminal. */
  show(picture: readonly string[]): void;
  readonly isTerminal: boolean;
  /** Characters in a line; more than enough where nothing is drawn over. */
  columns(): number;
}

/** In place of what is there, in one go, and a line that is too long is cut off: wrapped, it would be counted as one. */
const BEGIN = "\u001b[?2026h\u001b[?7l";
const END = "\u001b[J\u001b[?7h\u001b[?2026l";

/** Writes to a stream. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  let picture: readonly string[] = [];
  const isTerminal = stream.isTTY === true;
  /** Back to the picture's first line. */
  const back = (): string => (picture.length === 0 ? "" : `\u001b[${picture.length}A\r`);
  /** Over what is there: nothing is emptied before it is written. */
  const draw = (): string => picture.map((line) => `${line}\u001b[K\n`).join("");
  return {
    isTerminal,
    columns: () => (isTerminal ? (stream.columns ?? 80) : 120),
    say(line = "") {
      stream.write(picture.length === 0 ? `${line}\n` : `${back()}\u001b[J${line}\n${BEGIN}${draw()}${END}`);
    },
    show(next) {
      if (!isTerminal) return;
      const before = back();
      picture = next.slice(0, Math.max(0, (stream.rows ?? 24) - 2));
      stream.write(`${before}${BEGIN}${draw()}${END}`);
    },
  };
}
