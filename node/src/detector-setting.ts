/** One detector of plant.yaml: where its alerts come from, their format, and how a site's own JSON is read. */
import { parseRange } from "@anamnesis/sdk/core/address-set";
import { BEHAVIOUR_CLASSES } from "@anamnesis/sdk/core/behaviours";
import { FORMAT_NAMES } from "@anamnesis/sdk/formats/formats";
import { isZone } from "@anamnesis/sdk/formats/zone";
import { z } from "zod";

const file = z.string().min(1).max(1024);
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "expected a short name of a-z, 0-9 and -");
const address = z
  .string()
  .refine((text) => parseRange(text) !== undefined, "expected an address or a range as 10.20.0.0/24");

const LISTEN = /^(tcp|tls|udp):\/\/(\[[0-9a-f:]+\]|[\w.-]+):(\d{1,5})$/i;
const listen = z
  .string()
  .regex(LISTEN, { error: "expected tcp://, tls:// or udp://HOST:PORT", abort: true })
  .transform((text) => {
    const [, transport = "", host = "", port = ""] = LISTEN.exec(text) ?? [];
    return {
      transport: transport.toLowerCase() as "tcp" | "tls" | "udp",
      host: host.replace(/^\[|\]$/g, ""),
      port: Number(port),
    };
  })
  .refine(({ port }) => port <= 65_535, "expected a port up to 65535");

const mqtt = z.strictObject({
  url: z.string().regex(/^mqtts?:\/\/[^/@\s]+$/, "expected mqtt://HOST:PORT or mqtts://HOST:PORT"),
  topics: z.array(z.string().min(1).max(1024)).min(1).max(64),
  username: z.string().max(256).optional(),
  passwordFile: file.optional(),
  /** Authorities of the broker's certificate, PEM. */
  authorities: file.optional(),
  /** The client's own certificate and key, PEM. */
  certificate: file.optional(),
  key: file.optional(),
});

const SOURCES = ["path", "directory", "listen", "http", "mqtt"] as const;

/** The setting. `auto` finds the format out from the first lines; `zone` is of times that name none. */
export const detectorSetting = z
  .strictObject({
    name,
    format: z.enum(["auto", ...FORMAT_NAMES]).default("eve"),
    zone: z.string().refine(isZone, "expected UTC, an IANA name or an offset as +02:00").default("UTC"),
    /** A YAML file beside the configuration: how a site's own JSON is read. */
    mapping: file.optional(),
    /** Where it listens: requests that the roles of Self forbid are alerts, for the classes of that level. */
    baseline: z
      .strictObject({
        level: z.union(
          [
            z.literal(0),
            z.literal(1),
            z.literal(2),
            z.literal(3),
            z.literal(3.5),
            z.literal(4),
            z.literal(5),
          ],
          { error: "expected the Purdue level where it listens: 0, 1, 2, 3, 3.5, 4 or 5" },
        ),
        off: z.array(z.enum(BEHAVIOUR_CLASSES)).default([]),
      })
      .optional(),
    /** One log file, followed through rotation. */
    path: file.optional(),
    /** Every file of a name below a directory. */
    directory: file.optional(),
    files: z
      .string()
      .min(1)
      .max(256)
      .refine(
        (glob) => !glob.startsWith("/") && !glob.split("/").includes(".."),
        "expected names below the directory",
      )
      .optional(),
    /** Messages that are sent here. */
    listen: listen.optional(),
    from: z.array(address).default([]),
    framing: z.enum(["auto", "octets", "lines"]).default("auto"),
    tls: z.strictObject({ certificate: file, key: file, clients: file.optional() }).optional(),
    /** Lines of the program whose token has this detector's name. */
    http: z.literal(true).optional(),
    /** Messages of a broker. */
    mqtt: mqtt.optional(),
  })
  .refine((detector) => SOURCES.filter((source) => detector[source] !== undefined).length === 1, {
    error: `expected exactly one of ${SOURCES.join(", ")}`,
  })
  .refine((detector) => (detector.format === "mapping") === (detector.mapping !== undefined), {
    error: "expected a mapping with format: mapping, and with no other",
    path: ["mapping"],
  })
  .refine((detector) => (detector.directory !== undefined) === (detector.files !== undefined), {
    error: "expected files with directory, as '*.log*'",
    path: ["files"],
  })
  .refine((detector) => (detector.listen?.transport === "tls") === (detector.tls !== undefined), {
    error: "expected tls with listen: tls://, and with no other",
    path: ["tls"],
  })
  .refine(
    ({ listen: at, from, tls }) =>
      at === undefined || isHere(at.host) || from.length > 0 || tls?.clients !== undefined,
    {
      error: "expected the addresses that may send, or tls.clients: anybody could send alerts here",
      path: ["from"],
    },
  );

/** A detector's setting, parsed. */
export type DetectorSetting = z.infer<typeof detectorSetting>;

function isHere(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
