/* A launcher to be killed: starts a chain in the directory given, mines and dumps as fast as it can. */
import { startAnvil } from "../../scripts/consortium/anvil.ts";

const [dir, port] = process.argv.slice(2) as [string, string];
const log = { debug() {}, info() {}, warn() {}, error() {} };
const anvil = await startAnvil({ dir, port: Number(port), log, blockMs: 20, dumpMs: 0 });
process.stdout.write(`${JSON.stringify({ pid: anvil.pid, url: anvil.url })}\n`);
for (;;) {
  await anvil.mine();
  await anvil.dump();
  process.stdout.write(`dumped ${Date.now()}\n`);
}
