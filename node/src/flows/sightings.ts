/* How often this plant met each attack: counted with every alert, told to the consortium now and then. */
import { stricterTlp } from "@anamnesis/sdk/core/tlp";
import type { IndicatorId, SightingBody, Tlp } from "@anamnesis/sdk/core/types";
import type { Clock, Signer, Store, StoreOp } from "../ports.ts";
import { fromJson, rangeOf, toJson } from "../state/keys.ts";
import type { Memory } from "../state/memory.ts";
import type { OwnFeed, Sealed } from "./append.ts";

/** Ports of the count. */
export interface SightingPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly memory: Memory;
  readonly ownFeed: OwnFeed;
  readonly release: { readonly tlp: Tlp };
}

/** This plant's sightings, cumulative. */
export interface Sightings {
  /** Counts; the write belongs into the batch that gives the detection its outcome. */
  add(
    id: IndicatorId,
    atMs: number,
    times?: number,
    sinceMs?: number,
  ): { readonly op: StoreOp; readonly sighting: SightingBody };
  /** Takes back what was counted for a batch whose commit failed: it will be judged again. */
  takeBack(id: IndicatorId, times?: number): void;
  /** Tells grown counts: at most every second, then every two, four … minute. */
  flush(): Promise<void>;
}

/** Loads the sightings of a store. */
export async function loadSightings(ports: SightingPorts): Promise<Sightings> {
  const { clock, memory, ownFeed } = ports;
  const sightings = new Map<IndicatorId, SightingBody>();
  const flushed = new Map<IndicatorId, { count: number; atMs: number; gapMs: number }>();

  for await (const [, bytes] of ports.store.entries(rangeOf("g/"))) {
    const sighting = fromJson<SightingBody>(bytes);
    sightings.set(sighting.indicator, sighting);
  }

  function add(
    id: IndicatorId,
    atMs: number,
    times = 1,
    sinceMs = atMs,
  ): { op: StoreOp; sighting: SightingBody } {
    const before = sightings.get(id);
    const sighting: SightingBody = {
      indicator: id,
      firstMs: Math.min(before?.firstMs ?? sinceMs, sinceMs),
      lastMs: Math.max(before?.lastMs ?? atMs, atMs),
      count: (before?.count ?? 0) + times,
    };
    sightings.set(id, sighting);
    return { op: { type: "put", key: `g/${id}`, value: toJson(sighting) }, sighting };
  }

  function takeBack(id: IndicatorId, times = 1): void {
    const counted = sightings.get(id);
    if (counted === undefined) return;
    if (counted.count > times) sightings.set(id, { ...counted, count: counted.count - times });
    else sightings.delete(id);
  }

  async function flush(): Promise<void> {
    const now = clock.nowMs();
    const sealed: Sealed[] = [];
    const told: (() => void)[] = [];
    for (const sighting of sightings.values()) {
      const last = flushed.get(sighting.indicator) ?? {
        count: memory.record(sighting.indicator)?.sightings.get(ports.signer.address)?.count ?? 0,
        atMs: 0,
        gapMs: 500,
      };
      if (memory.record(sighting.indicator) === undefined || sighting.count <= last.count) continue;
      if (Math.abs(now - last.atMs) < last.gapMs) continue;
      const next = { count: sighting.count, atMs: now, gapMs: Math.min(last.gapMs * 2, 60_000) };
      told.push(() => flushed.set(sighting.indicator, next));
      sealed.push(
        ownFeed.seal({
          at: Math.floor(now),
          tlp: stricterTlp(ports.release.tlp, memory.record(sighting.indicator)?.tlp),
          kind: "sighting",
          body: sighting,
        }),
      );
    }
    if (sealed.length === 0) return;
    await ownFeed.append(sealed);
    for (const each of told) each();
  }

  return { add, takeBack, flush };
}
