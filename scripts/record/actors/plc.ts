/** The plant's controller: a Modbus TCP server over the tank. Usage: plc.ts OWN_ADDRESS */
import modbus from "modbus-serial";
import { addressArgument, every } from "./loop.ts";
import { restingTank, stepTank } from "./tank.ts";

const [host] = addressArgument();
const tank = restingTank();
const ILLEGAL_ADDRESS = { modbusErrorCode: 2 };

new modbus.ServerTCP(
  {
    getInputRegister: (address: number) => {
      if (address === 0) return Math.round(tank.levelM * 1000);
      if (address === 1) return Math.round(tank.valve * 1000);
      throw ILLEGAL_ADDRESS;
    },
    getHoldingRegister: (address: number) => {
      if (address === 0) return tank.setPointMm;
      if (address === 1) return tank.manual ? 1 : 0;
      if (address === 2) return tank.manualValvePermille;
      throw ILLEGAL_ADDRESS;
    },
    setRegister: (address: number, value: number) => {
      if (address === 0) tank.setPointMm = value;
      else if (address === 1) tank.manual = value === 1;
      else if (address === 2) tank.manualValvePermille = value;
      else throw ILLEGAL_ADDRESS;
    },
    getCoil: (address: number) => {
      if (address === 0) return tank.outletOpen;
      throw ILLEGAL_ADDRESS;
    },
    setCoil: (address: number, value: boolean) => {
      if (address !== 0) throw ILLEGAL_ADDRESS;
      tank.outletOpen = value;
    },
  },
  { host, port: 502, unitID: 1 },
);

await every(100, 0, async () => stepTank(tank, 0.1));
