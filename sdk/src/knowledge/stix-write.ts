/*
 * The consortium's records as STIX 2.1, as anybody's tools read them: TLP 2.0 markings, ids that are the same
 * at every plant, and what members say as a property extension (STIX 2.1 §7.3) that proves itself.
 */
import { stixId } from "../core/ids.ts";
import type { Origin, Stance, Status, StixIndicator, Tlp } from "../core/types.ts";
import type { KnownIndicator, SharedAttestation, SharedRecord } from "../core/views.ts";
import type { Members } from "./members.ts";
import { markingRef } from "./stix-tlp.ts";

/** The id of our property extension. */
export const ATTESTATIONS = stixId("extension-definition", "attestations/1");
/** OASIS' extension that carries TLP 2.0 in marking definitions. */
const TLP2 = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
const AUTHOR = stixId("identity", "anamnesis");
const SINCE = "2026-11-25T00:00:00.000Z";
const LIGHTS: readonly Tlp[] = ["clear", "green", "amber", "amber+strict"];
const STANCES: Readonly<Record<Stance, string>> = { 1: "support", 2: "refute", 3: "withdraw" };
const BASES = { 1: "observed", 2: "validated", 3: "analyst" } as const;

/** The objects that ours refer to, the same for ever: who defines the extension, what it means, the markings. */
export const FIXED_OBJECTS: readonly Members[] = [
  {
    type: "identity",
    spec_version: "2.1",
    id: AUTHOR,
    created: SINCE,
    modified: SINCE,
    name: "Anamnesis",
    description: "The shared immune memory of a consortium of industrial plants.",
    identity_class: "system",
  },
  {
    type: "extension-definition",
    spec_version: "2.1",
    id: ATTESTATIONS,
    created_by_ref: AUTHOR,
    created: SINCE,
    modified: SINCE,
    name: "Anamnesis attestations",
    description:
      "What the members of a consortium say about an indicator, each word signed by its node's key.",
    schema: [
      "indicator_id: SHA-256 over pattern type and pattern.",
      "subject: the same, blinded, as on the ledger.",
      "status: none, withdrawn, dormant, proposed, attested or refuted, at `modified`; disputed: whether some refute it.",
      "attestations: list of member (number), key (EVM address), stance (support, refute, withdraw), basis (observed,",
      "validated, analyst), confidence (0-100), valid_until (seconds since the epoch, 0 when it is no support),",
      "version (ms since the epoch), content (32 bytes) and signature (65 bytes, EIP-712 struct Attestation).",
      "origin: where the knowledge came from before it was the consortium's: format, id, author, licence.",
    ].join(" "),
    version: "1.0.0",
    extension_types: ["property-extension"],
  },
  ...LIGHTS.map((tlp) => ({
    type: "marking-definition",
    spec_version: "2.1",
    id: markingRef(tlp),
    created: "2022-10-01T00:00:00.000Z",
    name: `TLP:${tlp.toUpperCase()}`,
    extensions: { [TLP2]: { extension_type: "property-extension", tlp_2_0: tlp } },
  })),
];

/** Whether members do not stand behind it any more. */
export function isTakenBack(status: Status["name"]): boolean {
  return status === "refuted" || status === "withdrawn";
}

/** The newest version of a record, as a STIX Indicator. A refuted or withdrawn one is `revoked`. */
export function writeRecord(record: SharedRecord): Members {
  const { object, tlp, status, disputed, attestations, modifiedMs } = record;
  const supports = attestations.filter(({ stance }) => stance === 1).map(({ confidence }) => confidence);
  return {
    ...plain(object),
    modified: new Date(modifiedMs).toISOString(),
    ...(isTakenBack(status) && { revoked: true }),
    ...(supports.length > 0 && { confidence: lowerMedian(supports) }),
    object_marking_refs: [markingRef(tlp)],
    extensions: {
      [ATTESTATIONS]: {
        extension_type: "property-extension",
        indicator_id: record.id,
        ...(record.subject !== null && { subject: record.subject }),
        status,
        disputed,
        ...(attestations.length > 0 && { attestations: attestations.map(writeAttestation) }),
        ...originOf(object),
      },
    },
  };
}

/** An indicator without what members say, as a STIX Indicator under its TLP. */
export function writeIndicator({ object, tlp, status, modifiedMs }: KnownIndicator): Members {
  const origin = originOf(object);
  return {
    ...plain(object),
    modified: new Date(modifiedMs).toISOString(),
    ...(isTakenBack(status) && { revoked: true }),
    object_marking_refs: [markingRef(tlp)],
    ...(origin.origin !== undefined && {
      extensions: { [ATTESTATIONS]: { extension_type: "property-extension", ...origin } },
    }),
  };
}

function writeAttestation(attestation: SharedAttestation): Members {
  const { member, key, stance, basis, confidence, validUntil, version, content, signature } = attestation;
  return {
    member,
    key,
    stance: STANCES[stance],
    basis: BASES[basis],
    confidence,
    valid_until: validUntil,
    version,
    content,
    signature,
  };
}

/** The object as it travels keeps its origin in a property of ours, which STIX 2.1 no longer likes. */
function plain({ x_anamnesis_origin: _, ...object }: StixIndicator): Members {
  return object;
}

function originOf({ x_anamnesis_origin: origin }: StixIndicator): {
  readonly origin?: Omit<Origin, "source">;
} {
  if (origin === undefined) return {};
  const { source: _, ...named } = origin;
  return { origin: named };
}

function lowerMedian(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] as number;
}
