/** The vendor on the Internet: a support site, and a technician who uses each plant's remote access. Usage: vendor.ts CERT_DIR GATEWAY… */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, request } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { every } from "./loop.ts";

const ADDRESS = "198.51.100.10";
const [certificates, ...gateways] = process.argv.slice(2);
const manual = createHash("sha512").update("pump manual, revision 7").digest().toString("base64").repeat(24);

const site: RequestListener = (request, response) => {
  const isManual = request.url === "/manuals/pump-7.bin";
  response.setHeader("content-type", isManual ? "application/octet-stream" : "application/json");
  response.end(isManual ? manual : JSON.stringify({ bulletins: ["2024-07", "2024-11"], path: request.url }));
};

createServer(site).listen(80, ADDRESS);
createTlsServer(
  { key: readFileSync(`${certificates}/vendor.key`), cert: readFileSync(`${certificates}/vendor.crt`) },
  site,
).listen(443, ADDRESS);

function logIn(gateway: string): Promise<void> {
  return new Promise((done, fail) => {
    const body = "user=vendor-support&password=correct-horse&lang=en";
    const outgoing = request(
      {
        host: gateway,
        localAddress: ADDRESS,
        method: "POST",
        path: "/remote/login",
        agent: false,
        headers: {
          host: "access.plant.example",
          "user-agent": "VendorSupport/4.2",
          "content-type": "application/x-www-form-urlencoded",
          "content-length": body.length,
        },
      },
      (response) => response.resume().on("end", () => done()),
    );
    outgoing.on("error", fail).end(body);
  });
}

await Promise.all(
  gateways.map((gateway, index) => every(240_000, 20_000 + index * 9_000, () => logIn(gateway))),
);
