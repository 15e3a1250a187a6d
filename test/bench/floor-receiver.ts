/* One receiver of the floor pipeline: TCP → verify → atomic rule file, then tells the time. */
import { closeSync, fdatasyncSync, openSync, renameSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { sha256 } from "@anamnesis/sdk/core/hash";
import secp256k1 from "secp256k1";
import { systemClock } from "../../node/src/adapters/system.ts";

const path = process.argv[2] as string;
const rules: string[] = [];

const server = createServer((socket) => {
  let pending = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (data) => {
    pending = Buffer.concat([pending, data]);
    let taken = 0;
    while (pending.length >= 2 && pending.length >= frameLength()) {
      const length = pending.readUInt16BE(0);
      const body = pending.subarray(2, 2 + length);
      const signature = pending.subarray(2 + length, 66 + length);
      secp256k1.ecdsaRecover(signature, pending[66 + length] as number, sha256(body), false);
      rules.push(
        `alert ip [${(JSON.parse(body.toString()) as { src_ip: string }).src_ip}] any -> any any (sid:${rules.length + 1};)`,
      );
      pending = pending.subarray(frameLength());
      taken++;
    }
    if (taken === 0) return;
    const file = openSync(`${path}.tmp`, "w");
    writeSync(file, rules.join("\n"));
    fdatasyncSync(file);
    closeSync(file);
    renameSync(`${path}.tmp`, path);
    const at = systemClock.nowMs();
    process.send?.(Array.from({ length: taken }, () => at));
  });
  const frameLength = () => 2 + pending.readUInt16BE(0) + 65;
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as { port: number }).port));
process.on("disconnect", () => process.exit());
