/** The historian: reads the process values every 10 s on a connection of its own, never writes. Usage: historian.ts PLC */
import { addressArgument, every } from "./loop.ts";
import { withConnection } from "./modbus.ts";

const [plc, plant] = addressArgument();

await every(10_000, plant * 700, () =>
  withConnection(plc, async (client) => {
    await client.readInputRegisters(0, 2);
    await client.readHoldingRegisters(0, 1);
  }),
);
