import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { freePort } from "../../../scripts/consortium/ports.ts";
import { createMachine, exceptionOf, type Machine } from "../../../scripts/twin/machine.ts";
import { COIL_OUTLET, HOLDING, INPUT, type Plc, startPlc } from "../../../scripts/twin/plc.ts";

const HOST = "127.9.2.10";
let plc: Plc;
let machine: Machine;
let port: number;

beforeEach(async () => {
  port = await freePort();
  plc = await startPlc(HOST, port);
  machine = createMachine({ from: "127.9.2.20", to: { host: HOST, port } });
});
afterEach(async () => {
  machine.stop();
  await plc.stop();
});

test("tells level and valve in millimetres and thousandths, and takes a set point", async () => {
  const { data } = await machine.ask((client) => client.readInputRegisters(INPUT.levelMm, 2));
  expect(data).toEqual([1000, 333]);
  await machine.ask((client) => client.writeRegister(HOLDING.setPointMm, 1050));
  expect((await machine.ask((client) => client.readHoldingRegisters(0, 3))).data).toEqual([1050, 0, 0]);
  expect(plc.record().attackWrites).toBe(0);
  await vi.waitFor(() => expect(plc.tank().levelM).toBeGreaterThan(1.001), { timeout: 10_000 });
});

test("counts writes that the plant's own machines never make, and obeys them", async () => {
  await machine.ask((client) => client.writeRegister(HOLDING.mode, 1));
  await machine.ask((client) => client.writeRegisters(HOLDING.manualValvePermille, [1000]));
  await machine.ask((client) => client.writeCoil(COIL_OUTLET, false));
  expect(plc.tank()).toMatchObject({ isManual: true, manualValve: 1, isOutletOpen: false });
  expect(plc.record().attackWrites).toBe(3);
  await vi.waitFor(() => expect(plc.record().maxM).toBeGreaterThan(1.005), { timeout: 10_000 });
  plc.reset();
  plc.mark();
  expect(plc.tank().isOutletOpen).toBe(true);
  expect(plc.record()).toMatchObject({ attackWrites: 0, maxM: 1 });
});

test("answers an address that it has not with an exception, and a machine goes on after it", async () => {
  const failed = await machine
    .ask((client) => client.readHoldingRegisters(40, 1))
    .catch((error: unknown) => error);
  expect(exceptionOf(failed)).toBeGreaterThan(0);
  expect((await machine.ask((client) => client.readHoldingRegisters(0, 1))).data).toEqual([1000]);
});

test("a machine connects again after its controller was away", async () => {
  await machine.ask((client) => client.readHoldingRegisters(0, 1));
  await plc.stop();
  await expect(machine.ask((client) => client.readHoldingRegisters(0, 1))).rejects.toThrow();
  plc = await startPlc(HOST, port);
  await vi.waitFor(
    async () =>
      expect((await machine.ask((client) => client.readHoldingRegisters(0, 1))).data).toEqual([1000]),
    { timeout: 10_000 },
  );
});

test("says which port it cannot have", async () => {
  await expect(startPlc(HOST, port)).rejects.toMatchObject({ code: "port.taken" });
});
