/** nft by way of the helper (node/src/helper), which has the right to change the packet filter; this process has none. */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { AnamnesisError, type ErrorCode } from "@anamnesis/sdk/core/errors";
import type { RunNft } from "./nftables.ts";

/** nft's own limit and some more, ms. */
const TIMEOUT_MS = 15_000;
/** The longest answer, bytes. */
const LONGEST = 64 << 20;

/** Loads and lists over the helper's socket. Calls reject with the helper's own code, or `control.io`. */
export function nftByHelper(socket: string): RunNft {
  return async ([first, second]) =>
    first === "-f"
      ? ask(socket, { do: "load", script: await readFile(second as string, "utf8") })
      : ask(socket, { do: "list" });
}

async function ask(path: string, question: object): Promise<string> {
  const text = await exchange(path, `${JSON.stringify(question)}\n`);
  const { ok, output, code, message } = JSON.parse(text) as {
    readonly ok: boolean;
    readonly output?: string;
    readonly code?: ErrorCode;
    readonly message?: string;
  };
  if (ok) return output ?? "";
  throw new AnamnesisError(code ?? "control.io", `the helper at ${path}: ${message}`);
}

function exchange(path: string, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown) => {
      socket.destroy();
      reject(
        new AnamnesisError(
          "control.io",
          `the helper at ${path} ${why}; start it with: anamnesis nft-helper`,
          { cause },
        ),
      );
    };
    const socket = connect(path);
    const parts: Buffer[] = [];
    let length = 0;
    socket.setTimeout(TIMEOUT_MS, () => fail("does not answer"));
    socket.once("error", (cause: NodeJS.ErrnoException) => fail(`cannot be reached (${cause.code})`, cause));
    socket.on("data", (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length > LONGEST) fail("answers without end");
    });
    socket.once("end", () => {
      const text = Buffer.concat(parts).toString("utf8");
      if (text.endsWith("\n")) resolve(text);
      else fail("went away while it answered");
    });
    socket.write(question);
  });
}
