/** One server-sent event; a comment (a heartbeat) has the name `comment`. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
  readonly id: string | undefined;
}

/**
 * Reads server-sent events (WHATWG HTML §9.2.6) from chunks of bytes, however they are cut.
 * An event that the end of the stream cuts off is dropped, as the standard says.
 * @example
 * [...parse("id: 3\ndata: x\n\n")]  // [{ name: "message", data: "x", id: "3" }]
 */
export function createEventParser(maxBytes = 4_194_304): (chunk: Uint8Array) => ServerEvent[] {
  const decoder = new TextDecoder();
  let rest = "";
  let name = "";
  let id: string | undefined;
  let data: string[] = [];

  function takeLine(line: string, events: ServerEvent[]): void {
    if (line === "") {
      if (data.length > 0) events.push({ name: name === "" ? "message" : name, data: data.join("\n"), id });
      name = "";
      id = undefined;
      data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      events.push({ name: "comment", data: line.slice(1).trim(), id: undefined });
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
  }

  return (chunk) => {
    const events: ServerEvent[] = [];
    rest += decoder.decode(chunk, { stream: true });
    let from = 0;
    for (;;) {
      const end = rest.slice(from).search(/[\r\n]/);
      if (end < 0) break;
      const at = from + end;
      // A CR at the very end may be half of a CRLF.
      if (rest[at] === "\r" && at + 1 === rest.length) break;
      takeLine(rest.slice(from, at), events);
      from = rest[at] === "\r" && rest[at + 1] === "\n" ? at + 2 : at + 1;
    }
    rest = rest.slice(from);
    if (rest.length > maxBytes) throw new RangeError(`an event exceeds ${maxBytes} characters`);
    return events;
  };
}
