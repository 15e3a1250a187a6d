/** The attacker's site on the Internet: serves the harmless image over HTTP and answers TLS. Usage: attacker-site.ts CERT_DIR */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { harmlessImage } from "./harmless-image.ts";

const ADDRESS = "203.0.113.7";
const [certificates] = process.argv.slice(2);

createServer((_request, response) => {
  response.setHeader("content-type", "application/octet-stream");
  response.end(harmlessImage());
}).listen(80, ADDRESS);

createTlsServer(
  { key: readFileSync(`${certificates}/attacker.key`), cert: readFileSync(`${certificates}/attacker.crt`) },
  (_request, response) => response.end("ok"),
).listen(443, ADDRESS);
