/*
 * Before the first signature after a start: how long is my own feed, in the memory of others? A
 * restored backup that signs too early contradicts its own past (DESIGN §5).
 */
import type { Address } from "@anamnesis/sdk/core/types";
import type { Clock, Log } from "../ports.ts";
import { RIVAL_MS } from "./rivals.ts";
import { OWN_SIZE_WAIT_MS } from "./sync.ts";

/** Ports of the question. */
export interface OwnSizePorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Entries of the own feed that are held here. */
  size(): number;
  /** Size that the chain anchored, once the chain was read up to its head; undefined before. */
  anchored(): number | undefined;
  /** Keys of the other members' open nodes. */
  others(): readonly Address[];
  /** The size is known and everything up to it is held. Called once, and once more after each `again`. */
  onKnown(): void;
}

/** Collects answers about the own feed until it may be written. */
export interface OwnSize {
  heard(peer: Address, size: number): void;
  /** A peer hears another process that speaks with this node's key; that one signs, not this one. */
  rival(peer: Address): void;
  /** Peers can be heard from now on: the two seconds begin. */
  listen(): void;
  /** Asks once more, as after a start: this process may have been set back together with its disk. */
  again(): void;
  /** Looks again; call it after each answer and once a second. */
  check(): void;
  /** What it still waits for, for people; undefined when known. */
  waitsFor(): string | undefined;
}

/**
 * The rule: take the greatest answer within two seconds, from the chain or a peer that held this
 * feed. "I have nothing of it" counts for a feed that was never started here either, and when the chain
 * and everybody else say so: the power went before the first message left. Whoever is ahead is fetched
 * from first. Alone, without any answer, the node senses and keeps, and does not sign.
 */
export function createOwnSize(ports: OwnSizePorts): OwnSize {
  const answers = new Map<Address, number>();
  let startedMs: number | undefined;
  let rivalMs = Number.NEGATIVE_INFINITY;
  let known = false;

  function verdict(): string | undefined {
    if (ports.clock.monotonicMs() - rivalMs < RIVAL_MS)
      return "another process that speaks with this node's key to end; stop one of the two";
    const size = ports.size();
    const anchored = ports.anchored();
    const told = [...answers.values(), ...(anchored === undefined ? [] : [anchored])];
    const everybody = ports.others().every((other) => answers.has(other)) && anchored !== undefined;
    const counted = size === 0 || everybody ? told : told.filter((answer) => answer > 0);
    if (counted.length === 0) return "an answer of the chain or of a peer about the size of this node's feed";
    const greatest = Math.max(...counted);
    if (greatest > size)
      return `the entries ${size} to ${greatest} of this node's own feed, which a peer holds`;
    const waited = startedMs !== undefined && ports.clock.monotonicMs() - startedMs >= OWN_SIZE_WAIT_MS;
    if (everybody) return undefined;
    return waited ? undefined : "the other peers' answers about the size of this node's feed";
  }

  function check(): void {
    if (known || verdict() !== undefined) return;
    known = true;
    ports.onKnown();
  }

  return {
    listen() {
      startedMs ??= ports.clock.monotonicMs();
    },
    again() {
      known = false;
      answers.clear();
      startedMs = ports.clock.monotonicMs();
    },
    heard(peer, size) {
      answers.set(peer, Math.max(size, answers.get(peer) ?? 0));
      check();
    },
    rival(peer) {
      rivalMs = ports.clock.monotonicMs();
      ports.log.debug("feed.rival", { peer });
    },
    check,
    waitsFor: () => (known ? undefined : verdict()),
  };
}
