/** The engineering station: looks once a minute, and every fifth time writes set point and mode in one request (FC16). Usage: engineering.ts PLC */
import { addressArgument, every } from "./loop.ts";
import { withConnection } from "./modbus.ts";

const [plc, plant] = addressArgument();
let visits = 0;

await every(60_000, plant * 5_000, () =>
  withConnection(plc, async (client) => {
    await client.readHoldingRegisters(0, 3);
    if (visits % 5 === 0) await client.writeRegisters(0, [1000, 0]);
    visits += 1;
    await client.readHoldingRegisters(0, 3);
  }),
);
