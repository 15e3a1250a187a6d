/** The DMZ workstation on an ordinary day: names, bulletins, manuals and the vendor's TLS site. Usage: workstation.ts OWN_ADDRESS */
import { Resolver } from "node:dns/promises";
import { request as requestHttp } from "node:http";
import { request as requestTls } from "node:https";
import { addressArgument, every } from "./loop.ts";

const [, plant] = addressArgument();
const VENDOR = "support.vendor.example";
const resolver = new Resolver();
resolver.setServers(["198.51.100.53"]);

async function resolve(name: string): Promise<string> {
  const [address] = await resolver.resolve4(name);
  if (address === undefined) throw new Error(`${name} has no address`);
  return address;
}

async function get(path: string, request: typeof requestHttp): Promise<void> {
  const host = await resolve(VENDOR);
  await new Promise<void>((done, fail) => {
    const options = { host, servername: VENDOR, path, agent: false, rejectUnauthorized: false };
    const headers = { host: VENDOR, "user-agent": "PlantWorkstation/1.0" };
    request({ ...options, headers }, (response) => response.resume().on("end", () => done()))
      .on("error", fail)
      .end();
  });
}

await Promise.all([
  every(20_000, plant * 1_300, async () => void (await resolve("time.example"))),
  every(60_000, plant * 2_900, () => get("/bulletins.json", requestHttp)),
  every(600_000, 30_000 + plant * 4_100, () => get("/manuals/pump-7.bin", requestHttp)),
  every(300_000, 15_000 + plant * 3_700, () => get("/account", requestTls as typeof requestHttp)),
]);
