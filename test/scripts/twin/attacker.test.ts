import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { expect, test } from "vitest";
import { attack } from "../../../scripts/twin/attacker.ts";

const HOST = "127.9.3.1";

/** Answers every command with an exception. */
async function listen(code: number): Promise<[Server, () => void]> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (frame) => {
      // transaction, protocol, three bytes, unit, function with its highest bit, exception
      const head = [...frame.subarray(0, 4), 0, 3, frame[6] as number];
      socket.write(Buffer.from([...head, (frame[7] as number) | 0x80, code]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return [server, close];
}

test.each([
  [1, 3, "refused, as a gateway does"],
  [11, 0, "not answered by who should, which is no refusal"],
])("exception %i makes %i of three commands count as %s", async (code, refusals) => {
  const [server, close] = await listen(code);
  const { port } = server.address() as AddressInfo;
  const told: string[] = [];
  try {
    await attack({ from: "127.9.3.66", to: { host: HOST, port } }, 1, new AbortController().signal, {
      onSent: (command) => told.push(`sent ${command}`),
      onRefused: () => told.push("refused"),
    });
  } finally {
    close();
  }
  expect(told.filter((each) => each.startsWith("sent"))).toEqual(["sent 0", "sent 1", "sent 2"]);
  expect(told.filter((each) => each === "refused")).toHaveLength(refusals);
  // Told at once, not at the end.
  if (refusals > 0) expect(told.slice(0, 2)).toEqual(["sent 0", "refused"]);
});
