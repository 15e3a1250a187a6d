import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** The media type of TAXII 2.1 (§1.6.8). */
export const TAXII = "application/taxii+json;version=2.1";
/** The media type of STIX 2.1 objects. */
export const STIX = "application/stix+json;version=2.1";

/** An error that HTTP has a status of its own for. */
export class Unsuited extends AnamnesisError {
  readonly status: 405 | 406 | 415;
  constructor(status: 405 | 406 | 415, message: string) {
    super("input.invalid", message);
    this.status = status;
  }
}

/** Whether a media type means TAXII 2.1: without a version it is the server's choice. */
function isTaxii(text: string): boolean {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  if (type !== "application/taxii+json") return false;
  return parameters.every((each) => !each.startsWith("version=") || /^version="?2\.1"?$/.test(each));
}

/** Throws unless the client takes TAXII 2.1, with status 406. */
export function requireAccept(accept: string | undefined): void {
  const wanted = (accept ?? "").split(",");
  if (wanted.some((one) => isTaxii(one) || /^\s*(?:\*|application)\/\*/.test(one))) return;
  throw new Unsuited(406, `Accept is ${accept ?? "missing"}; this server speaks ${TAXII}`);
}

/** Throws unless the body is TAXII 2.1, with status 415. */
export function requireContentType(type: string | undefined): void {
  if (type !== undefined && isTaxii(type)) return;
  throw new Unsuited(415, `Content-Type is ${type ?? "missing"}; send ${TAXII}`);
}
