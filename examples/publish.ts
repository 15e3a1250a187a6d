/**
 * Publishes a detection through the SDK. Run with Node 24:
 *   ANAMNESIS_TOKEN=… node examples/publish.ts http://127.0.0.1:8801
 */
import { createPublisher, isAnamnesisError } from "@anamnesis/sdk";

const [url = "http://127.0.0.1:8801"] = process.argv.slice(2);
const token = process.env.ANAMNESIS_TOKEN ?? "";
const publisher = createPublisher({ url, token });

try {
  await publisher.publish({
    time: new Date().toISOString(),
    rule: { id: "coil-write", name: "Write to a coil by a stranger" },
    severity: 80,
    attacker: { address: "203.0.113.66", port: 41_822 },
    victim: { address: "10.20.0.10", port: 502 },
    appProtocol: "modbus",
    modbusFunction: 5,
    attackIds: ["T0855"],
  });
  console.log("durable"); // the node will not lose it
} catch (error) {
  console.error(isAnamnesisError(error) ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
await publisher.close();
