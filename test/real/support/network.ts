/**
 * A network of its own: this process runs in a fresh network namespace (`unshare --net`), and each host
 * is a process in a further one. Namespaces have no names and end with their processes, so nothing is
 * left behind whatever happens, and the machine's own network is never touched.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readlinkSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const HOST = fileURLToPath(new URL("host.ts", import.meta.url));

/** Why there is no network of our own to work in, or undefined. */
export function noNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  const outer = process.env.ANAMNESIS_OUTER_NETWORK;
  const isApart = outer !== undefined && outer !== readlinkSync("/proc/self/ns/net");
  return isApart ? undefined : "needs a network namespace of its own: run it by npm run test:real";
}

/** A machine: a process in a network namespace of its own. */
export interface Host {
  readonly name: string;
  /** Asks its program (host.ts) for something; rejects with what it says. */
  ask<T = unknown>(question: Readonly<Record<string, unknown>>): Promise<T>;
  /** Program and arguments that run a command in its network. */
  inside(...command: readonly string[]): readonly [string, ...string[]];
  stop(): Promise<void>;
}

/** Starts a machine without any link. */
export async function startHost(name: string): Promise<Host> {
  const child = spawn("unshare", ["--net", process.execPath, HOST], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting: ((line: string) => void)[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => waiting.shift()?.(line));
  child.once("exit", () => {
    for (const tell of waiting.splice(0)) tell(JSON.stringify({ fault: `${name} ended` }));
  });
  const next = () => new Promise<string>((resolve) => void waiting.push(resolve));
  const hello = next();
  await hello;
  if (readlinkSync(`/proc/${child.pid}/ns/net`) === readlinkSync("/proc/self/ns/net"))
    throw new Error(`${name} is in the network of this process`);
  const inside = (...command: readonly string[]) =>
    ["nsenter", `--net=/proc/${child.pid}/ns/net`, ...command] as const;
  ip(inside, "link", "set", "lo", "up");
  return {
    name,
    inside,
    async ask<T>(question: Readonly<Record<string, unknown>>) {
      const answer = next();
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const { fault, ...said } = JSON.parse(await answer) as { fault?: string };
      if (fault !== undefined) throw new Error(`${name}: ${fault}`);
      return said as T;
    },
    stop: () => ended(child, () => child.stdin.end()),
  };
}

/** An end of a cable: the interface's name, the machine that it is in (none: here), its address. */
export interface End {
  readonly host?: Host;
  readonly link: string;
  /** As 10.2.2.10/24. */
  readonly address?: string;
}

/** Lays a cable between two machines. Packets carry whole checksums, as on a wire: who copies them does not make them. */
export function cable(one: End, other: End): void {
  run("ip", "link", "add", one.link, "type", "veth", "peer", "name", other.link);
  for (const { host, link, address } of [one, other]) {
    if (host !== undefined) run("ip", "link", "set", link, "netns", pidOf(host));
    const inside = host?.inside ?? here;
    for (const offload of ["tx", "gro", "gso", "tso"]) run(...inside("ethtool", "-K", link, offload, "off"));
    if (address !== undefined) ip(inside, "address", "add", address, "dev", link);
    ip(inside, "link", "set", link, "up");
  }
}

/** A bridge here, with an address and the cables' ends that are its ports. */
export function bridge(name: string, address: string, ports: readonly string[]): void {
  run("ip", "link", "add", name, "type", "bridge");
  for (const port of ports) run("ip", "link", "set", port, "master", name);
  run("ip", "address", "add", address, "dev", name);
  run("ip", "link", "set", name, "up");
}

/** A route of a machine, as `["10.1.2.10/32", "dev", "plant-a"]`. */
export function route(host: Host, ...args: readonly string[]): void {
  ip(host.inside, "route", "add", ...args);
}

/** Makes this namespace pass packets on. */
export function forward(): void {
  run("ip", "link", "set", "lo", "up");
  writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
}

/** Resolves when a program that was started here is gone; it is killed when it does not end. */
export function ended(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const last = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.once("exit", () => {
      clearTimeout(last);
      resolve();
    });
    ask();
  });
}

type Inside = (...command: readonly string[]) => readonly [string, ...string[]];
const here: Inside = (command = "", ...args) => [command, ...args];

function pidOf(host: Host): string {
  return /\/proc\/(\d+)\//.exec(host.inside().join(" "))?.[1] ?? "";
}

function ip(inside: Inside, ...args: readonly string[]): void {
  run(...inside("ip", ...args));
}

function run(command: string, ...args: readonly string[]): void {
  execFileSync(command, [...args], { stdio: ["ignore", "ignore", "pipe"] });
}
