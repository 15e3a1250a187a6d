/** What plant.yaml says of a control. */
import { z } from "zod";
import { cidr } from "./self-file.ts";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "expected a short name of a-z, 0-9 and -");
const level = z.union(
  [z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(3.5), z.literal(4), z.literal(5)],
  {
    error: "expected a Purdue level: 0, 1, 2, 3, 3.5, 4 or 5",
  },
);

const hostPort = z
  .string()
  .regex(/^(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i, "expected host:port")
  .transform((text) => {
    const at = text.lastIndexOf(":");
    return { host: text.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(text.slice(at + 1)) };
  })
  .refine((where) => where.port <= 65_535, "expected host:port, the port up to 65535");
/** A controller behind a gateway, by the address that Self knows it by. */
const conduitSetting = z
  .strictObject({ listen: hostPort, controller: cidr, upstream: hostPort.optional() })
  .transform(({ listen, controller, upstream = { host: controller, port: 502 } }) => ({
    listen,
    controller,
    upstream,
  }));

/** One entry under `controls`. */
export const controlSetting = z
  .strictObject({
    name,
    kind: z.enum(["command", "crowdsec", "edl", "gateway", "nftables", "suricata", "zeek-intel"]),
    level,
    phase: z.enum(["learning", "shadow", "protecting"]).default("learning"),
    /** The file that the control writes; crowdsec has none. */
    path: z.string().default(""),
    safety: z.boolean().default(false),
    /** nftables: load the file into the kernel with `nft -f`, and read the sets back. */
    load: z.boolean().default(false),
    /** nftables: the socket of `anamnesis nft-helper`, which loads it for a node without rights. */
    helper: z.string().optional(),
    /** suricata: the sensor's own suricata.yaml, checked for its parsers and for failing open. */
    sensor: z.string().optional(),
    /** suricata: its command socket, by which rules are loaded and asked for. */
    socket: z.string().optional(),
    /** suricata: program and arguments before -T, which tries rules with the sensor's settings first. */
    test: z.array(z.string()).min(1, "expected a program and its arguments").optional(),
    /** gateway: where it listens, for which controller; `anamnesis gateway` reads it. */
    conduits: z.array(conduitSetting).default([]),
    /** command: program and arguments that take the list's path after them, and that print what holds. */
    run: z.array(z.string()).min(1, "expected a program and its arguments").optional(),
    ask: z.array(z.string()).min(1, "expected a program and its arguments").optional(),
    /** crowdsec: its local API, a machine that writes and a bouncer's key that reads. */
    crowdsec: z
      .strictObject({
        url: z.url({ error: "expected the URL of CrowdSec's local API" }),
        machine: z.string().min(1),
        passwordFile: z.string(),
        keyFile: z.string(),
      })
      .optional(),
  })
  .refine(({ kind, path }) => kind === "crowdsec" || path !== "", {
    error: "expected the file that the control writes",
    path: ["path"],
  })
  .refine(({ kind, run, ask }) => (kind === "command" ? run !== undefined : (run ?? ask) === undefined), {
    error: "expected run (and ask) for kind command, and for no other",
    path: ["run"],
  })
  .refine(({ kind, load, helper }) => kind === "nftables" || (!load && helper === undefined), {
    error: "expected load and helper for kind nftables only",
    path: ["load"],
  })
  .refine(({ kind, crowdsec }) => (kind === "crowdsec") === (crowdsec !== undefined), {
    error: "expected url, machine, passwordFile and keyFile for kind crowdsec, and for no other",
    path: ["crowdsec"],
  })
  .refine(({ kind, socket, test }) => kind === "suricata" || (socket ?? test) === undefined, {
    error: "expected socket and test for kind suricata only",
    path: ["socket"],
  })
  .refine(({ sensor, test }) => test === undefined || sensor !== undefined, {
    error: "expected the sensor's suricata.yaml, with which rules are tried",
    path: ["sensor"],
  });

/** A control as configured. */
export type ControlSetting = z.infer<typeof controlSetting>;

/** The same with absolute paths. */
export function controlAt(setting: ControlSetting, at: (path: string) => string): ControlSetting {
  const { sensor, socket, helper, crowdsec } = setting;
  return {
    ...setting,
    path: at(setting.path),
    ...(sensor !== undefined && { sensor: at(sensor) }),
    ...(socket !== undefined && { socket: at(socket) }),
    ...(helper !== undefined && { helper: at(helper) }),
    ...(crowdsec !== undefined && {
      crowdsec: { ...crowdsec, passwordFile: at(crowdsec.passwordFile), keyFile: at(crowdsec.keyFile) },
    }),
  };
}
