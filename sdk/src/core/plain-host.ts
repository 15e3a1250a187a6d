/** Hosts in the one spelling that names are compared in. */

/**
 * Lower case, without outer dots, internationalised labels as punycode (IDNA), percent escapes as what
 * they stand for, an IPv4 address in any of its spellings in four decimal parts.
 *
 * @example
 * plainHost("BÜCHER.example.") // "xn--bcher-kva.example"
 * plainHost("134744072") // "8.8.8.8"
 */
export function plainHost(name: string): string {
  const plain = name.toLowerCase().replace(/^\.+|\.+$/g, "");
  if (/^[\x20-\x24\x26-\x7e]*$/.test(plain) && !/(?:^|\.)(?:0x[0-9a-f]*|\d+)$/.test(plain)) return plain;
  try {
    return new URL(`http://${plain}`).hostname.replace(/\.+$/, "");
  } catch {
    return plain;
  }
}

/** The host of an absolute URL in lower case without its port, or undefined. */
export function hostOfUrl(url: string): string | undefined {
  return /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?(\[[0-9a-f:.]+\]|[^/?#:@]+)/i.exec(url)?.[1]?.toLowerCase();
}

/**
 * Whether browsers and tools may read different hosts out of a URL: backslashes, blanks, control
 * characters, more than one `@` before the path (WHATWG URL against RFC 3986).
 */
export function isAmbiguousUrl(url: string): boolean {
  return /[\s\\\u0000-\u001f\u007f]/.test(url) || /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@[^/?#]*@/i.test(url);
}
