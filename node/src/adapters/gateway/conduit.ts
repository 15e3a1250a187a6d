/**
 * One connection through the gateway, message by message.
 *
 * A command that a rule refuses is answered here with exception 01 and never reaches the controller;
 * everything else passes in order, and the connection lives. A stream that is no Modbus passes
 * unread as long as no rule is about its source, and ends when one is: what cannot be read could be
 * the command.
 */
import { connect, type Socket } from "node:net";
import { createSplitter, exceptionFor, functionOf } from "./frames.ts";
import type { Judgement } from "./rules.ts";

/** What came of one message, or of a connection (function 0). */
export interface Hit {
  readonly source: string;
  readonly sourcePort: number;
  readonly function: number;
  readonly unit: number;
  readonly verdict: "refused" | "blocked" | "unreadable" | "passed";
  readonly indicator?: string;
}

/** Who is connected to whom, and who decides. */
export interface ConduitOptions {
  readonly upstream: { readonly host: string; readonly port: number };
  /** What holds for this source now; asked at every message, so it must be quick. */
  readonly judge: (source: string) => Judgement;
  readonly onHit: (hit: Hit) => void;
}

/** An open connection. */
export interface Conduit {
  /** Rules changed: ends the connection where it may not go on. */
  recheck(): void;
  close(): void;
}

/** Joins an accepted connection to its controller. */
export function openConduit(client: Socket, options: ConduitOptions): Conduit {
  const source = plainAddress(client.remoteAddress ?? "");
  const sourcePort = client.remotePort ?? 0;
  const requests = createSplitter();
  const answers = createSplitter();
  let controller: Socket | undefined;
  let isOpaque = false;

  const hit = (verdict: Hit["verdict"], frame: Buffer | undefined, indicator: string | undefined): void =>
    options.onHit({
      source,
      sourcePort,
      function: frame === undefined ? 0 : functionOf(frame),
      unit: frame?.[6] ?? 0,
      verdict,
      ...(indicator !== undefined && { indicator }),
    });

  /** Whether the connection may be there at all. */
  function mayStay(): boolean {
    const { blockedBy, refused } = options.judge(source);
    if (blockedBy !== undefined) hit("blocked", undefined, blockedBy);
    else if (isOpaque && refused.size > 0) hit("unreadable", undefined, [...refused.values()][0]);
    else return true;
    close();
    return false;
  }

  function close(): void {
    client.destroy();
    controller?.destroy();
  }

  if (source === "" || !mayStay()) {
    client.destroy();
    return { recheck: () => undefined, close };
  }
  const upstream = connect(options.upstream);
  controller = upstream;
  client.setNoDelay(true);
  upstream.setNoDelay(true);

  /** Writes what passed; a full side stops the other until it has drained. */
  function pass(parts: readonly Buffer[], to: Socket, from: Socket): void {
    if (parts.length === 0) return;
    const whole = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    if (to.write(whole) || from.isPaused()) return;
    from.pause();
    to.once("drain", () => from.resume());
  }

  client.on("data", (chunk: Buffer) => {
    const { frames, rest } = requests.push(chunk);
    const passing: Buffer[] = [];
    const refusals: Buffer[] = [];
    for (const frame of frames) {
      const { blockedBy, refused, watched } = options.judge(source);
      if (blockedBy !== undefined) {
        hit("blocked", frame, blockedBy);
        return close();
      }
      const code = functionOf(frame);
      const refusedBy = refused.get(code);
      if (refusedBy === undefined) {
        passing.push(frame);
        hit("passed", frame, watched.get(code) ?? watched.get(0));
      } else {
        refusals.push(exceptionFor(frame));
        hit("refused", frame, refusedBy);
      }
    }
    pass(passing, upstream, client);
    // Answers pass in whole messages, so an exception never lands inside of one.
    pass(refusals, client, client);
    if (rest === undefined) return;
    isOpaque = true;
    if (mayStay()) pass([rest], upstream, client);
  });
  upstream.on("data", (chunk: Buffer) => {
    const { frames, rest } = answers.push(chunk);
    pass(rest === undefined ? frames : [...frames, rest], client, upstream);
  });
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    one.on("end", () => other.end());
    one.on("error", () => close());
    one.on("close", () => other.destroySoon());
  }
  return { recheck: () => void mayStay(), close };
}

/** IPv4 on a socket of both families is mapped. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, "");
}
