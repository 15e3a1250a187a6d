/** The operator's screen: polls at 2 Hz on one connection and moves the set point every 15 s. Usage: hmi.ts PLC */
import { addressArgument, every } from "./loop.ts";
import { connect } from "./modbus.ts";

const [plc, plant] = addressArgument();
const WRITE_EVERY_POLLS = 30;
let client = await connect(plc);
let polls = 0;
let setPointMm = 1000;

await every(500, plant * 37, async () => {
  if (!client.isOpen) client = await connect(plc);
  await client.readInputRegisters(0, 2);
  await client.readHoldingRegisters(0, 3);
  await client.readCoils(0, 1);
  polls += 1;
  if (polls % WRITE_EVERY_POLLS !== 0) return;
  setPointMm = setPointMm === 1000 ? 1050 : 1000;
  await client.writeRegister(0, setPointMm);
});
