import { expect, test } from "vitest";
import { isOwnAddress } from "../../../scripts/consortium/ports.ts";
import { placeCell } from "../../../scripts/twin/cell.ts";

test("a cell's machines have a network of their own at each plant", async () => {
  const [a, b] = await Promise.all([placeCell(0, false), placeCell(1, true)]);
  expect(a).toMatchObject({ network: "127.1.2.0/24", controller: "127.1.2.10", isEnforcing: false });
  expect(b).toMatchObject({ hmi: "127.2.2.20", attacker: "127.2.2.66", isEnforcing: true });
  expect(a.upstream.host).toBe(a.controller);
  expect(new Set([a, b].flatMap(({ listen, upstream }) => [listen.port, upstream.port])).size).toBe(4);
});

test("what this machine cannot listen at is not its own", async () => {
  expect(await isOwnAddress("127.0.0.1")).toBe(true);
  expect(await isOwnAddress("192.0.2.1")).toBe(false);
  // Index 255 would be 127.256: no address of any machine, as 127.1.2.10 is none of an untouched macOS.
  await expect(placeCell(255, true)).rejects.toThrow(/the twin's machines need 127\.256\.2\.1, .*--input/);
});
