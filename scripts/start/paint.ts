/* Colours on a terminal, none anywhere else. */
import { styleText } from "node:util";

/** How words are set off. Widths do not change. */
export interface Paint {
  strong(text: string): string;
  soft(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  /** A step of the walk in its colour. */
  step(step: string, text: string): string;
}

type Format = Parameters<typeof styleText>[0];

const STEPS: Readonly<Record<string, Format>> = {
  alert: "red",
  warned: "yellow",
  protected: ["green", "bold"],
  recorded: "cyan",
  "met again": "magenta",
  refused: "red",
  deferred: "red",
  undone: "red",
};

/** Paints for a stream: nothing unless it is a terminal and NO_COLOR is unset. */
export function paintFor(stream: NodeJS.WriteStream): Paint {
  const isColoured = stream.isTTY === true && (process.env.NO_COLOR ?? "") === "";
  const style = (format: Format, text: string) =>
    isColoured ? styleText(format, text, { validateStream: false }) : text;
  return {
    strong: (text) => style("bold", text),
    soft: (text) => style("dim", text),
    good: (text) => style("green", text),
    bad: (text) => style("red", text),
    step(step, text) {
      const format = STEPS[step];
      return format === undefined ? text : style(format, text);
    },
  };
}
