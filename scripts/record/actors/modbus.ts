import modbus from "modbus-serial";

export type Modbus = InstanceType<typeof modbus.default>;

/** Opens a Modbus TCP connection to unit 1 on port 502. */
export async function connect(address: string): Promise<Modbus> {
  const client = new modbus.default();
  await client.connectTCP(address, { port: 502 });
  client.setID(1);
  client.setTimeout(2000);
  return client;
}

/** Runs one exchange on a connection of its own, as tools do that do not stay connected. */
export async function withConnection(
  address: string,
  exchange: (client: Modbus) => Promise<void>,
): Promise<void> {
  const client = await connect(address);
  try {
    await exchange(client);
  } finally {
    await new Promise<void>((done) => client.close(() => done()));
  }
}
