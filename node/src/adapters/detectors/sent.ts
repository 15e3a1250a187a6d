/** What a detector needs that is sent to, whatever carries the messages. */
import type { Log } from "../../ports.ts";
import type { OutcomeOptions } from "./outcomes.ts";

/** The options of every detector of a socket; its name stands for the path. */
export interface SentOptions extends Omit<OutcomeOptions, "path" | "window"> {
  readonly log: Log;
  /** Bytes of messages that may wait to be kept. Default 8 MiB. */
  readonly mostBytes?: number;
}
