/** Captures made by code: conversations over TCP and UDP between machines of one network, as a pcap file. */

/** What is said: by the client, or by the server. */
export interface Message {
  readonly from: "client" | "server";
  readonly bytes: Buffer;
}

/** A conversation of two machines. */
export interface Conversation {
  readonly transport: "tcp" | "udp";
  readonly client: string;
  readonly server: string;
  readonly port: number;
  readonly messages: readonly Message[];
}

/** 2026-03-01T00:00:00Z, seconds: when every such capture begins. */
const START = 1_772_323_200;
const [FIN_ACK, SYN, SYN_ACK, PUSH_ACK, ACK] = [0x11, 0x02, 0x12, 0x18, 0x10];

/** A capture (libpcap, Ethernet, microseconds) of conversations one after the other; the same input gives the same bytes. */
export function captureOf(conversations: readonly Conversation[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const frames = conversations.flatMap((conversation, index) =>
    conversation.transport === "tcp"
      ? tcpFrames(conversation, 40_001 + index)
      : udpFrames(conversation, 40_001 + index),
  );
  const records = frames.map((frame, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(START + Math.floor(index / 100), 0);
    record.writeUInt32LE((index % 100) * 10_000, 4);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return Buffer.concat([record, frame]);
  });
  return Buffer.concat([header, ...records]);
}

/** A handshake, the messages in order, each acknowledged with what follows, and an end. */
function tcpFrames({ client, server, port, messages }: Conversation, own: number): Buffer[] {
  const frames: Buffer[] = [];
  const next = { client: 1000, server: 5000 };
  const send = (from: Message["from"], flags: number, bytes: Buffer = Buffer.alloc(0)): void => {
    const other = from === "client" ? "server" : "client";
    const tcp = Buffer.alloc(20);
    tcp.writeUInt16BE(from === "client" ? own : port, 0);
    tcp.writeUInt16BE(from === "client" ? port : own, 2);
    tcp.writeUInt32BE(next[from], 4);
    if (flags !== SYN) tcp.writeUInt32BE(next[other], 8);
    tcp[12] = 0x50;
    tcp[13] = flags;
    tcp.writeUInt16BE(64_240, 14);
    const ends = from === "client" ? ([client, server] as const) : ([server, client] as const);
    frames.push(ipFrame(...ends, 6, Buffer.concat([tcp, bytes]), 16));
    next[from] += bytes.length + (flags === SYN || flags === SYN_ACK || flags === FIN_ACK ? 1 : 0);
  };
  send("client", SYN);
  send("server", SYN_ACK);
  send("client", ACK);
  for (const { from, bytes } of messages) send(from, PUSH_ACK, bytes);
  send("client", FIN_ACK);
  send("server", FIN_ACK);
  send("client", ACK);
  return frames;
}

function udpFrames({ client, server, port, messages }: Conversation, own: number): Buffer[] {
  return messages.map(({ from, bytes }) => {
    const udp = Buffer.alloc(8);
    udp.writeUInt16BE(from === "client" ? own : port, 0);
    udp.writeUInt16BE(from === "client" ? port : own, 2);
    udp.writeUInt16BE(8 + bytes.length, 4);
    const ends = from === "client" ? ([client, server] as const) : ([server, client] as const);
    return ipFrame(...ends, 17, Buffer.concat([udp, bytes]), 6);
  });
}

/** `checksumAt`: where the transport's checksum is in its header. */
function ipFrame(from: string, to: string, protocol: number, body: Buffer, checksumAt: number): Buffer {
  const [source, destination] = [addressBytes(from), addressBytes(to)];
  const pseudo = Buffer.concat([
    source,
    destination,
    Buffer.from([0, protocol, body.length >> 8, body.length & 0xff]),
  ]);
  body.writeUInt16BE(checksum(Buffer.concat([pseudo, body])), checksumAt);
  const ip = Buffer.concat([
    Buffer.from([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0]),
    source,
    destination,
  ]);
  ip.writeUInt16BE(20 + body.length, 2);
  ip.writeUInt16BE(checksum(ip), 10);
  const ethernet = Buffer.concat([
    Buffer.from([2, 0, ...destination, 2, 0, ...source]),
    Buffer.from([0x08, 0x00]),
  ]);
  return Buffer.concat([ethernet, ip, body]);
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] as number) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function addressBytes(text: string): Buffer {
  return Buffer.from(text.split(".").map(Number));
}

/** Bytes from hexadecimal digits with blanks, numbers (a byte each), texts in quotes of their own, and buffers. */
export function bytesOf(...parts: readonly (string | number | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) =>
      typeof part === "string"
        ? Buffer.from(part.replaceAll(" ", ""), "hex")
        : typeof part === "number"
          ? Buffer.from([part])
          : part,
    ),
  );
}

/** An unsigned number of 2, 4 or 8 bytes, little-endian. */
export function little(value: number, size: 2 | 4 | 8): Buffer {
  const bytes = Buffer.alloc(size);
  if (size === 2) bytes.writeUInt16LE(value);
  else if (size === 4) bytes.writeUInt32LE(value);
  else bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** An unsigned number of 2 bytes, big-endian. */
export function big(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
