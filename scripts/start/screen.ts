/* Lines that scroll, and below them a picture that is drawn over itself. */

/** Where the launcher writes. */
export interface Screen {
  say(line?: string): void;
  /** Shows a picture from now on, in place of the one before; none: nothing. Only on a terminal. */
  show(picture: readonly string[]): void;
  readonly isTerminal: boolean;
}

/** Writes to a stream. */
export function createScreen(stream: NodeJS.WriteStream): Screen {
  let picture: readonly string[] = [];
  const isTerminal = stream.isTTY === true;
  /** Back to the picture's first line, and everything below is empty. */
  const wipe = (): string => (picture.length === 0 ? "" : `\u001b[${picture.length}A\r\u001b[J`);
  const draw = (): string => picture.map((line) => `${line}\n`).join("");
  return {
    isTerminal,
    say(line = "") {
      stream.write(`${wipe()}${line}\n${draw()}`);
    },
    show(next) {
      if (!isTerminal) return;
      const before = wipe();
      picture = next.slice(0, Math.max(0, (stream.rows ?? 24) - 2));
      stream.write(`${before}${draw()}`);
    },
  };
}
