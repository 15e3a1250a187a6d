/* What the gateway bench runs beside itself: a controller that answers at once, and the gateway. */
import { createServer } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { createSplitter } from "../../node/src/adapters/gateway/frames.ts";
import { startGateway } from "../../node/src/adapters/gateway/gateway.ts";
import { systemClock } from "../../node/src/adapters/system.ts";
import { silent } from "../node/support/vaccination.ts";

const { path, controllerPort } = workerData as { path?: string; controllerPort?: number };

if (path === undefined || controllerPort === undefined) {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    const splitter = createSplitter();
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      for (const frame of splitter.push(bytes).frames) socket.write(frame);
    });
  });
  server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as { port: number }).port));
} else {
  const gateway = await startGateway(
    {
      path,
      conduits: [
        {
          listen: { host: "127.0.0.1", port: 0 },
          controller: "10.2.2.10",
          upstream: { host: "127.0.0.1", port: controllerPort },
        },
      ],
    },
    { clock: systemClock, log: silent },
  );
  parentPort?.postMessage(gateway.addresses[0]?.port);
}
