/** A plan of four companies with a validator and a plant each, and ways to spoil it. */
import { writeFile } from "node:fs/promises";
import { stringify } from "yaml";

/** A plan as YAML would give it; ports make it fit for one machine. */
export function fourCompanies(ports?: { readonly peer: readonly number[]; readonly rpc: readonly number[] }) {
  const companies = ["acme", "bolt", "cog", "dyne"].map((name, i) => ({
    name,
    account: `0x${"1".repeat(39)}${i}`,
    nodes: [
      {
        name: `${name}-1`,
        ip: ports === undefined ? `10.20.0.1${i}` : "127.0.0.1",
        validator: true,
        archive: i < 2,
        ...(ports !== undefined && { port: ports.peer[i], rpc: { port: ports.rpc[i] } }),
      } as Record<string, unknown>,
    ],
    plants: [{ name: `plant-${"abcd"[i]}`, peer: { ip: `10.20.1.1${i}` }, relay: `0x${"2".repeat(39)}${i}` }],
  }));
  return { name: "river", chainId: 20_777, companies } as Record<string, unknown> & {
    companies: { nodes: Record<string, unknown>[]; plants: Record<string, unknown>[] }[];
  };
}

/** Writes a plan as YAML. */
export async function writePlan(path: string, plan: unknown): Promise<string> {
  await writeFile(path, stringify(plan));
  return path;
}
