/*
 * What follows when memory changes: policy looks again, this member may have to answer, the relay has
 * something to send, and people hear of it. The joints of the walk, in one place.
 */
import type { Address, IndicatorId, Subject } from "@anamnesis/sdk/core/types";
import type { Effect } from "./flows/project.ts";
import type { Relay } from "./flows/relay.ts";
import type { Support } from "./flows/support.ts";
import type { Vaccinate } from "./flows/vaccinate-types.ts";
import type { Clock, Log, StoreOp } from "./ports.ts";
import type { Rooms } from "./rooms.ts";
import type { ChangeType, NewChange } from "./state/changes.ts";
import type { RecordView } from "./state/record.ts";
import type { RegistryChange } from "./state/registry.ts";
import { isRecorded, recordView } from "./state/view.ts";

/** What the joints need. */
export interface ReactionPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly rooms: Rooms;
  note(ops: readonly StoreOp[], news: readonly NewChange[]): Promise<void>;
  readonly support: Support;
  readonly vaccinate: Vaccinate;
  readonly relay: Pick<Relay, "kick">;
  readonly peers: { recheck(): void };
}

/** The joints. */
export interface Reactions {
  onEffects(feed: Address, effects: readonly Effect[]): void;
  onChain(change: RegistryChange): void;
  /** Another history of a closed key's feed was anchored than the one held here. */
  onUnanchored(feed: Address): void;
  /** Projects all feeds anew, and looks at everything that follows from it. */
  projectAnew(): void;
  /** Looks at every record again. */
  refreshAll(): void;
  /** Statuses change with time alone: looks at the next part of all records, 1 of `parts`. */
  refreshSome(parts: number): void;
}

/** Status names that people hear of when a record reaches them. */
const TOLD: ReadonlySet<string> = new Set(["attested", "refuted", "withdrawn"]);

/** A sighting older than this tells of the past, ms. */
const NEWS_MS = 3_600_000;

/** All that a decision depends on; validity to the hour, since a second more changes nothing. */
function essenceOf({
  response,
  indicatorStatus,
  responseStatus,
  recorded,
  validUntilMs,
}: RecordView): string {
  const status = `${indicatorStatus.name} ${indicatorStatus.disputed} ${responseStatus.name} ${responseStatus.disputed}`;
  return `${status} ${recorded} ${response?.action} ${Math.floor(validUntilMs / 3_600_000)}`;
}

/** Creates the joints. */
export function createReactions(ports: ReactionPorts): Reactions {
  const { clock, log, rooms } = ports;
  const { memory, changes, registry, shelf } = rooms;
  const told = new Map<IndicatorId, string>();
  /** What policy saw last of each record: counts grow with every member, decisions rest on names. */
  const considered = new Map<IndicatorId, string>();
  /** Where `refreshSome` goes on. */
  let walk = memory.records()[Symbol.iterator]();

  function tell(news: readonly NewChange[]): void {
    if (news.length === 0) return;
    ports.note([], news).catch((error: unknown) => log.warn("changes.lost", { message: String(error) }));
  }

  function refresh(id: IndicatorId): NewChange[] {
    const record = memory.record(id);
    if (record === undefined) return [];
    const view = recordView(rooms, record, clock.nowMs());
    if (view !== undefined && considered.get(id) !== essenceOf(view)) {
      considered.set(id, essenceOf(view));
      ports.vaccinate.consider(view);
    }
    const news: NewChange[] = [];
    const note = (type: ChangeType) => news.push({ atMs: clock.nowMs(), type, indicator: id });
    const { name } = view?.indicatorStatus ?? memory.indicatorStatus(id, clock.nowMs() / 1000);
    const before = told.get(id) ?? (changes.timeline(id).attested === undefined ? undefined : "attested");
    if (name !== before && TOLD.has(name)) note(name as ChangeType);
    if (name !== told.get(id)) shelf.touch(id);
    told.set(id, name);
    if (changes.timeline(id).recorded === undefined && isRecorded(rooms, record)) note("recorded");
    return news;
  }

  /** The attack goes on, here or at a peer's: what stands against it stands longer. Old news renews nothing. */
  function renew({ indicator, sightedAtMs }: Effect): void {
    if (indicator === undefined || sightedAtMs === undefined) return;
    if (Math.abs(clock.nowMs() - sightedAtMs) < NEWS_MS) ports.vaccinate.renew(indicator, clock.nowMs());
  }

  function projectAnew(): void {
    rooms.rebuild();
    shelf.touchAll();
    for (const id of considered.keys()) {
      if (memory.record(id) !== undefined) continue;
      considered.delete(id);
      ports.vaccinate.forget(id);
    }
    ports.relay.kick();
    ports.support.consider(rooms.contested());
    refreshAll();
  }

  function refreshAll(): void {
    tell([...memory.records()].flatMap((record) => refresh(record.id)));
  }

  function refreshSome(parts: number): void {
    const news: NewChange[] = [];
    for (let left = Math.ceil(memory.recordCount() / parts); left > 0; left--) {
      const { value, done } = walk.next();
      if (done === true) walk = memory.records()[Symbol.iterator]();
      else news.push(...refresh(value.id));
    }
    tell(news);
  }

  return {
    onEffects(_feed, effects) {
      const ids = new Set<IndicatorId>();
      const subjects = new Set<Subject>();
      for (const effect of effects) {
        if (effect.indicator !== undefined && effect.kind !== "receipt" && effect.kind !== "sighting")
          ids.add(effect.indicator);
        if (effect.stance?.won === true) subjects.add(effect.stance.winner.attestation.subject);
        renew(effect);
      }
      for (const id of ids) shelf.touch(id);
      const news = [...ids].flatMap(refresh);
      if (subjects.size > 0) ports.relay.kick(subjects);
      tell(news);
      // What warns this plant comes before what it has to say.
      void ports.vaccinate.warned().then(() => ports.support.consider(effects));
    },
    onUnanchored(feed) {
      rooms
        .forget(feed)
        .then(projectAnew)
        .catch((error: unknown) => log.warn("feed.kept", { feed, message: String(error) }));
    },
    onChain({ subjects, membership, parameters }) {
      if (membership) ports.peers.recheck();
      // A closed feed counts up to its anchored size, and a suspended member's still grows.
      if (membership || rooms.isOutdated()) {
        projectAnew();
        rooms
          .forgetUnanchored()
          .then((forgotten) => forgotten && projectAnew())
          .catch((error: unknown) => log.warn("feed.kept", { message: String(error) }));
        return;
      }
      if (parameters) return refreshAll();
      const ids = new Set<IndicatorId>();
      for (const subject of subjects) {
        const id = memory.indicatorOf(subject);
        if (id !== undefined) ids.add(id);
      }
      if (registry.recordedAt() !== undefined) tell([...ids].flatMap(refresh));
    },
    projectAnew,
    refreshAll,
    refreshSome,
  };
}
