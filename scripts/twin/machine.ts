/* A machine at an address of its own that speaks Modbus TCP to a controller, by way of whatever stands before it. */
import modbus from "modbus-serial";

/** A Modbus client that connects when it has to. */
export interface Machine {
  /** Runs one command; rejects with modbus-serial's error, whose `modbusCode` is the exception's. */
  ask<T>(command: (client: Client) => Promise<T>): Promise<T>;
  stop(): void;
}

/** modbus-serial's client. */
export type Client = InstanceType<typeof modbus.default>;

/** Where a machine is, and where it turns to. */
export interface Way {
  /** Its own address. */
  readonly from: string;
  readonly to: { readonly host: string; readonly port: number };
}

/** A controller that has not answered by then does not, ms. */
const TIMEOUT_MS = 2000;

/** Makes a machine; nothing is connected yet. */
export function createMachine({ from, to }: Way): Machine {
  let connected: Promise<Client> | undefined;
  const connect = async (): Promise<Client> => {
    const client = new modbus.default();
    client.on("error", () => undefined); // the command that was asked fails by itself
    client.on("close", () => {
      connected = undefined;
    });
    await client.connectTCP(to.host, { port: to.port, localAddress: from } as never);
    client.setID(1);
    client.setTimeout(TIMEOUT_MS);
    return client;
  };
  const drop = (): void => {
    void connected?.then((client) => client.destroy(() => undefined)).catch(() => undefined);
    connected = undefined;
  };
  return {
    async ask(command) {
      connected ??= connect();
      try {
        return await command(await connected);
      } catch (error) {
        if (exceptionOf(error) === undefined) drop();
        throw error;
      }
    },
    stop: drop,
  };
}

/** The exception code that a controller or its gateway answered with; undefined when nothing answered. */
export function exceptionOf(error: unknown): number | undefined {
  const code = (error as { modbusCode?: unknown }).modbusCode;
  return typeof code === "number" ? code : undefined;
}
