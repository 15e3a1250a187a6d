/* What the launcher sees of each plant while the attack runs: its change stream, and its answers at the end. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Audit, HealthView, IndicatorView } from "../../node/src/api.ts";
import type { Change } from "../../node/src/state/changes.ts";
import type { LocalPlant } from "../consortium/plants.ts";

/** One plant's API, asked by the launcher. */
export interface PlantWatch {
  readonly plant: LocalPlant;
  readonly url: string;
  health(): Promise<HealthView>;
  indicators(): Promise<readonly IndicatorView[]>;
  candidates(): Promise<readonly { id: string; reason: string }[]>;
  audit(): Promise<Audit>;
  /** Says in the name of the plant's member that a record is wrong. */
  refute(id: string): Promise<void>;
  /** Adds all changes after a cursor to a list; the new cursor. */
  collect(cursor: number, into: Change[]): Promise<number>;
  /** Changes after a cursor, up to the last one before the signal is aborted. */
  follow(cursor: number, onChange: (change: Change) => void, signal: AbortSignal): Promise<void>;
}

/** Watches a plant over its API with its operator's token. */
export function watchPlant(plant: LocalPlant): PlantWatch {
  const url = `http://127.0.0.1:${plant.http}`;
  async function ask<T>(path: string, body?: object): Promise<T> {
    const token = (await readFile(join(plant.directory, "operator.token"), "utf8")).trim();
    const answer = await fetch(`${url}/api/v1/${path}`, {
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      signal: AbortSignal.timeout(10_000),
    }).catch((cause: unknown) => {
      throw new AnamnesisError("api.unavailable", `plant ${plant.letter} does not answer at ${url}`, {
        cause,
      });
    });
    if (!answer.ok)
      throw new AnamnesisError("api.unavailable", `${url}/api/v1/${path} answered ${answer.status}`);
    return (await answer.json()) as T;
  }
  const list = async <T>(path: string, key: string): Promise<readonly T[]> => {
    const answer = await ask<readonly T[] | Record<string, readonly T[]>>(path);
    return Array.isArray(answer) ? answer : ((answer as Record<string, readonly T[]>)[key] ?? []);
  };
  return {
    plant,
    url,
    health: () => ask("health"),
    indicators: () => list("indicators?limit=1000", "indicators"),
    candidates: () => list("candidates", "candidates"),
    audit: () => ask("audit"),
    refute: (id) => ask(`indicators/${id}/attestations`, { stance: "refute", confidence: 80 }),
    async collect(cursor, into) {
      for (let after = cursor; ; ) {
        const { changes } = await ask<{ changes: readonly Change[] }>(`changes?after=${after}&limit=1000`);
        into.push(...changes);
        if (changes.length === 0) return after;
        after = changes.at(-1)?.sequence ?? after;
      }
    },
    async follow(cursor, onChange, signal) {
      for (let after = cursor; ; ) {
        const isLast = signal.aborted; // asked after the end was known: nothing that came before is missed
        const { changes } = await ask<{ changes: readonly Change[] }>(
          `changes?after=${after}&limit=500`,
        ).catch(() => ({ changes: [] }));
        for (const change of changes) {
          after = change.sequence;
          onChange(change);
        }
        if (changes.length > 0) continue;
        if (isLast) return;
        await delay(20, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

/** Waits until a question is answered with yes; false when the time is up. */
export async function until(
  question: () => Promise<boolean>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (!signal.aborted && Date.now() < deadline) {
    if (await question().catch(() => false)) return true;
    await delay(50, undefined, { signal }).catch(() => undefined);
  }
  return false;
}
