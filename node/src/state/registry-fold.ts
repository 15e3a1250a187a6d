import type {
  Address,
  Bytes32,
  MemberNumber,
  Parameters,
  Register,
  Subject,
  Uid,
} from "@anamnesis/sdk/core/types";
import type { ChainEvent } from "../ports.ts";

/** A member as the chain has it. */
export interface MemberRecord {
  readonly number: MemberNumber;
  readonly account: Address;
  readonly active: boolean;
  /** Its membership ended for good. */
  readonly removed?: true;
}

/** A node key as the chain has it. */
export interface KeyRecord {
  readonly member: MemberNumber;
  readonly addedAtBlock: number;
  /** Absent while the key is open. */
  readonly revokedAtBlock?: number;
  /** Revoked by a proof of equivocation. */
  readonly closed: boolean;
  /** The greatest head anchored. */
  readonly anchored?: { readonly size: number; readonly root: Bytes32 };
  readonly anchoredAtBlock?: number;
}

/** Everything the events of both contracts say, folded. */
export interface RegistryView {
  readonly members: Map<MemberNumber, MemberRecord>;
  readonly keys: Map<Address, KeyRecord>;
  readonly registers: Map<Subject, Map<MemberNumber, Register>>;
  /** Every attestation ever recorded, superseded ones included, with its block. */
  readonly uids: Map<Uid, number>;
  parameters: Parameters | undefined;
}

/** What a series of events changed. */
export interface FoldChanges {
  readonly subjects: Set<Subject>;
  /** Members or keys. */
  membership: boolean;
  parameters: boolean;
}

/** The view before the first event. */
export function emptyView(): RegistryView {
  return {
    members: new Map(),
    keys: new Map(),
    registers: new Map(),
    uids: new Map(),
    parameters: undefined,
  };
}

/** Folds events into the view in place, in log order; adds what changed to `changes`. */
export function foldEvents(
  view: RegistryView,
  events: Iterable<ChainEvent>,
  changes: FoldChanges = { subjects: new Set(), membership: false, parameters: false },
): FoldChanges {
  for (const event of events) {
    foldEvent(view, event);
    if (event.type === "Attested") changes.subjects.add(event.subject);
    else if (event.type === "ParametersChanged") changes.parameters = true;
    else if (event.type !== "FeedAnchored" && event.type !== "Skipped") changes.membership = true;
  }
  return changes;
}

function foldEvent(view: RegistryView, event: ChainEvent): void {
  switch (event.type) {
    case "MemberAdmitted":
      view.members.set(event.member, { number: event.member, account: event.account, active: true });
      return;
    case "MemberSuspended":
    case "MemberReinstated":
    case "MemberRemoved": {
      const member = view.members.get(event.member);
      if (member === undefined) return;
      view.members.set(event.member, {
        ...member,
        active: event.type === "MemberReinstated",
        ...(event.type === "MemberRemoved" && { removed: true }),
      });
      return;
    }
    case "ParametersChanged":
      view.parameters = event.parameters;
      return;
    case "NodeKeyAdded":
      view.keys.set(event.key, { member: event.member, addedAtBlock: event.block, closed: false });
      return;
    case "NodeKeyRevoked":
      changeKey(view, event.key, { revokedAtBlock: event.block });
      return;
    case "EquivocationProven":
      changeKey(view, event.feed, { closed: true });
      return;
    case "FeedAnchored":
      changeKey(view, event.feed, {
        anchored: { size: event.size, root: event.root },
        anchoredAtBlock: event.block,
      });
      return;
    case "Attested": {
      const registers = view.registers.get(event.subject) ?? new Map<MemberNumber, Register>();
      view.registers.set(event.subject, registers.set(event.register.member, event.register));
      view.uids.set(event.register.uid, event.block);
      return;
    }
    case "Skipped":
      return;
  }
}

function changeKey(view: RegistryView, key: Address, change: Partial<KeyRecord>): void {
  const held = view.keys.get(key);
  if (held) view.keys.set(key, { ...held, ...change });
}
