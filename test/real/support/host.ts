/* A machine of a plant in a network namespace: a controller, a station that polls it, or an attacker, as asked on stdin. */
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import modbus from "modbus-serial";

const PORT = 502;
const UNIT = 1;
const READ = 3;
const WRITE = 6;
const POLL_MS = 250;
/** The station moves its set point with every so many polls. */
const POLLS_A_WRITE = 4;

const registers = new Map<number, number>();
let writes = 0;
const polls = { asked: 0, answered: 0, writes: 0, applied: 0 };

interface Question {
  readonly do: "serve" | "writes" | "poll" | "polls" | "attack";
  /** Whom to speak to, or where to listen. */
  readonly host: string;
  /** The attacker's own address, where it has several. */
  readonly from?: string;
  readonly value?: number;
  /** Fewer polls than that are no answer yet. */
  readonly atLeast?: number;
  readonly withinMs?: number;
}

async function answer({
  do: what,
  host,
  from,
  value = 0,
  atLeast = 0,
  withinMs = 1000,
}: Question): Promise<object> {
  switch (what) {
    case "serve":
      await serve(host);
      return {};
    case "writes":
      return { writes };
    case "poll":
      void poll(host);
      return {};
    case "polls": {
      const found = { ...polls };
      if (polls.asked < atLeast) return found;
      Object.assign(polls, { asked: 0, answered: 0, writes: 0, applied: 0 });
      return found;
    }
    case "attack": {
      const socket = await open(host, withinMs, from).catch(() => undefined);
      const echo = socket && (await ask(socket, WRITE, 7, value, withinMs).catch(() => undefined));
      socket?.destroy();
      return { isTaken: echo !== undefined };
    }
  }
}

function serve(host: string): Promise<void> {
  const server = new modbus.ServerTCP(
    {
      getHoldingRegister: (address: number) => registers.get(address) ?? 0,
      setRegister: async (address: number, value: number) => {
        registers.set(address, value);
        if (address === 7) writes++;
      },
    },
    { host, port: PORT, unitID: UNIT },
  );
  return new Promise((resolve, reject) => {
    server.on("initialized", () => resolve());
    server.on("serverError", (error) => reject(error ?? new Error("the server failed")));
  });
}

/** The station's day: one connection, polls and set points, a new connection when the old one dies. */
async function poll(host: string): Promise<never> {
  let socket: Socket | undefined;
  for (let round = 1; ; round++) {
    const isWrite = round % POLLS_A_WRITE === 0;
    polls.asked++;
    if (isWrite) polls.writes++;
    try {
      socket ??= await open(host, 1000);
      if (isWrite) {
        await ask(socket, WRITE, 0, round & 0xffff, 1000);
        const read = await ask(socket, READ, 0, 1, 1000);
        if (read.readUInt16BE(9) === (round & 0xffff)) polls.applied++;
      } else await ask(socket, READ, 0, 1, 1000);
      polls.answered++;
    } catch {
      socket?.destroy();
      socket = undefined;
    }
    await delay(POLL_MS);
  }
}

function open(host: string, withinMs: number, from?: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: PORT, ...(from !== undefined && { localAddress: from }) });
    const timer = setTimeout(() => socket.destroy(new Error("no answer")), withinMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once("error", reject);
    socket.on("error", () => undefined);
  });
}

/** One request; the whole answer, with its header. */
function ask(
  socket: Socket,
  code: number,
  address: number,
  value: number,
  withinMs: number,
): Promise<Buffer> {
  const frame = Buffer.from([0, 1, 0, 0, 0, 6, UNIT, code, 0, 0, 0, 0]);
  frame.writeUInt16BE(address, 8);
  frame.writeUInt16BE(value, 10);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => done(() => reject(new Error("no answer"))), withinMs);
    const onData = (bytes: Buffer): void => done(() => resolve(bytes));
    const onClose = (): void => done(() => reject(new Error("closed")));
    function done(tell: () => void): void {
      clearTimeout(timer);
      socket.off("data", onData);
      socket.off("close", onClose);
      tell();
    }
    socket.once("data", onData);
    socket.once("close", onClose);
    socket.write(frame);
  });
}

// One after the other: answers have no names.
let queue: Promise<unknown> = Promise.resolve();
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  queue = queue
    .then(() => answer(JSON.parse(line) as Question))
    .catch((error: unknown) => ({ fault: String(error) }))
    .then((said) => process.stdout.write(`${JSON.stringify(said)}\n`));
});
lines.on("close", () => process.exit(0));
process.stdout.write("{}\n");
