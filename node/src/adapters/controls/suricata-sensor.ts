/** What a rule file needs of the sensor that loads it, read from its suricata.yaml. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { parse } from "yaml";
import { type FileSystem, readText } from "./atomic-file.ts";

/**
 * Checks that Modbus is parsed and that exceptions let traffic pass.
 *
 * Debian ships the Modbus parser switched off, which makes every Modbus rule dead, and
 * `exception-policy: auto`, which drops flows in IPS mode: the control would fail closed.
 * @throws AnamnesisError `control.preflight` with the setting to change
 */
export async function checkSensor(path: string, files: FileSystem): Promise<void> {
  const text = await readText(path, files);
  if (text === undefined) throw flaw(path, "the file does not exist", "give the sensor's suricata.yaml");
  let settings: unknown;
  try {
    settings = parse(text, { version: "1.1" });
  } catch (cause) {
    throw flaw(path, "it is not YAML", "mend the file", cause);
  }
  const modbus = at(settings, "app-layer", "protocols", "modbus", "enabled");
  if (modbus !== true && modbus !== "yes") {
    throw flaw(path, `app-layer.protocols.modbus.enabled is ${shown(modbus)}`, "set it to yes");
  }
  const exception = at(settings, "exception-policy");
  if (exception !== "ignore" && exception !== "pass-flow" && exception !== "pass-packet") {
    throw flaw(
      path,
      `exception-policy is ${shown(exception)}`,
      "set it to ignore, so that faults let traffic pass",
    );
  }
}

function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((inner, key) => {
    return typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>)[key] : undefined;
  }, value);
}

function shown(value: unknown): string {
  return value === undefined ? "not set" : JSON.stringify(value).slice(0, 40);
}

function flaw(path: string, what: string, advice: string, cause?: unknown): AnamnesisError {
  return new AnamnesisError("control.preflight", `${path}: ${what}; ${advice}`, { details: { path }, cause });
}
