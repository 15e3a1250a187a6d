import { createHash, timingSafeEqual } from "node:crypto";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** Who a bearer token stands for. */
export type Role = "detector" | "reader" | "operator" | "auditor";

/** What a route needs: nothing, reading, the audit, evidence (always a token), a command, or publishing detections. */
export type Access = "open" | "read" | "audit" | "evidence" | "command" | "publish";

/** A token as the configuration holds it: never the token itself. */
export interface Token {
  readonly role: Role;
  /** SHA-256 of the token, 64 hexadecimal digits. */
  readonly sha256: string;
  /** For detectors: the name its lines are counted under; `http` when absent. */
  readonly name?: string;
}

const MAY: Readonly<Record<Role, readonly Access[]>> = {
  detector: ["publish"],
  reader: ["read"],
  auditor: ["read", "audit", "evidence"],
  operator: ["read", "audit", "evidence", "command"],
};

/** The roles that an access is open to, for messages and documents. */
export function rolesFor(access: Access): readonly Role[] {
  return (Object.keys(MAY) as Role[]).filter((role) => MAY[role].includes(access));
}

/**
 * Makes the check of bearer tokens (RFC 6750), comparing SHA-256 values in constant time.
 *
 * `openReads` lets reads pass without a token; a command always needs one, because a web page can
 * make a browser send requests to loopback.
 * @throws AnamnesisError `config.invalid` for a malformed token; the check throws `api.unauthorized` | `api.forbidden`
 */
export function createAuthorizer(tokens: readonly Token[], openReads: boolean) {
  const known = tokens.map((token, index) => {
    if (!/^[0-9a-f]{64}$/i.test(token.sha256))
      throw new AnamnesisError(
        "config.invalid",
        `http.tokens[${index}].sha256 has to be 64 hexadecimal digits: printf %s TOKEN | sha256sum`,
      );
    return { token, digest: Buffer.from(token.sha256, "hex") };
  });

  function find(bearer: string): Token | undefined {
    const digest = createHash("sha256").update(bearer, "utf8").digest();
    let found: Token | undefined;
    for (const one of known) if (timingSafeEqual(one.digest, digest)) found = one.token;
    return found;
  }

  /** The token that allows `access`, or undefined when none is needed. */
  return function authorize(header: string | undefined, access: Access): Token | undefined {
    if (access === "open") return undefined;
    if (header === undefined) {
      if (openReads && (access === "read" || access === "audit")) return undefined;
      throw new AnamnesisError(
        "api.unauthorized",
        `this needs a token of role ${rolesFor(access).join(" or ")}: send Authorization: Bearer TOKEN`,
      );
    }
    const token = find(/^Bearer +(\S+) *$/i.exec(header)?.[1] ?? "");
    if (token === undefined)
      throw new AnamnesisError("api.unauthorized", "the bearer token is not one this node knows");
    if (!MAY[token.role].includes(access))
      throw new AnamnesisError(
        "api.forbidden",
        `a token of role ${token.role} may not do this; it needs ${rolesFor(access).join(" or ")}`,
        { details: { role: token.role } },
      );
    return token;
  };
}
