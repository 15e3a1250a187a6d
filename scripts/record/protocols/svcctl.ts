/** A service is put on a Windows machine from afar (MS-SCMR): over TCP, and in a pipe of SMB2 as lateral movement does it. */
import { bytesOf, type Conversation, little, type Message } from "./frames.ts";

/** 367abb81-9844-35f1-ad32-98f038001003, version 2.0. */
const SVCCTL = "81bb7a36 4498 f135 ad3298f038001003 0200 0000";
/** NDR, 8a885d04-1ceb-11c9-9fe8-08002b104860, version 2. */
const NDR = "045d888a eb1c c911 9fe808002b104860 02000000";

/** A DCE/RPC fragment (C706 §12.6.4): version 5.0, first and last, little-endian. */
function pdu(type: number, call: number, body: Buffer): Buffer {
  return bytesOf(5, 0, type, 3, "10000000", little(16 + body.length, 2), "0000", little(call, 4), body);
}

const BIND = pdu(11, 1, bytesOf("b810 b810 00000000 01 000000", "0000 01 00", SVCCTL, NDR));
const BIND_ACK = pdu(12, 1, bytesOf("b810 b810 34120000 0400 31333500 0000 01 000000 0000 0000", NDR));
/** Operation number and stub of a request. */
const call = (id: number, operation: number, stub: Buffer): Buffer =>
  pdu(0, id, bytesOf(little(stub.length, 4), "0000", little(operation, 2), stub));
const answer = (id: number, stub: Buffer): Buffer =>
  pdu(2, id, bytesOf(little(stub.length, 4), "0000 00 00", stub));

const HANDLE = bytesOf("00000000 11111111 22223333 4444555566667777");

/** A text of NDR: referent, counts, UTF-16 with its end, on four bytes. */
function wide(text: string): Buffer {
  const value = Buffer.from(`${text}\0`, "utf16le");
  const count = little(value.length / 2, 4);
  return bytesOf(count, little(0, 4), count, value, Buffer.alloc((4 - (value.length % 4)) % 4));
}

/** ROpenSCManagerW, then RCreateServiceW: an own process, started on demand. */
const STEPS: readonly (readonly [request: Buffer, answer: Buffer])[] = [
  [BIND, BIND_ACK],
  [call(2, 15, bytesOf(little(0, 4), little(0, 4), "02000000")), answer(2, bytesOf(HANDLE, little(0, 4)))],
  [
    call(
      3,
      12,
      bytesOf(
        HANDLE,
        wide("Updater"),
        little(0, 4),
        "ff010f00",
        little(0x10, 4),
        little(3, 4),
        little(0, 4),
        wide("C:\\Windows\\updater.exe"),
        Buffer.alloc(28),
      ),
    ),
    answer(3, bytesOf(little(0, 4), HANDLE, little(0, 4))),
  ],
];

/** Over TCP, at the port that the endpoint mapper gave. */
export function svcctlOverTcp(client: string, server: string): Conversation {
  const messages = STEPS.flatMap(([request, reply]): Message[] => [
    { from: "client", bytes: request },
    { from: "server", bytes: reply },
  ]);
  return { transport: "tcp", client, server, port: 49_670, messages };
}

/** An SMB2 message with its length before it (MS-SMB2 §2.1, §2.2.1). */
function smb2(command: number, message: number, isAnswer: boolean, body: Buffer): Buffer {
  const header = bytesOf(
    "fe534d42 4000 0000 00000000",
    little(command, 2),
    "0100",
    little(isAnswer ? 1 : 0, 4),
    "00000000",
    little(message, 8),
    "00000000",
    little(command < 2 ? 0 : 1, 4),
    little(command === 0 ? 0 : 0x41, 8),
    Buffer.alloc(16),
  );
  const whole = bytesOf(header, body);
  return bytesOf(
    0,
    Buffer.from([whole.length >> 16, (whole.length >> 8) & 0xff, whole.length & 0xff]),
    whole,
  );
}

const FILE = "01000000 00000000 01000000 ffffffff";

/** FSCTL_PIPE_TRANSCEIVE with a request, or its answer (MS-SMB2 §2.2.31, §2.2.32). */
function pipe(message: number, isAnswer: boolean, data: Buffer): Buffer {
  const code = "17c01100";
  return isAnswer
    ? smb2(
        11,
        message,
        true,
        bytesOf(
          "3100 0000",
          code,
          FILE,
          little(112, 4),
          little(0, 4),
          little(112, 4),
          little(data.length, 4),
          "00000000 00000000",
          data,
        ),
      )
    : smb2(
        11,
        message,
        false,
        bytesOf(
          "3900 0000",
          code,
          FILE,
          little(120, 4),
          little(data.length, 4),
          little(0, 4),
          little(0, 4),
          little(0, 4),
          little(4280, 4),
          "01000000 00000000",
          data,
        ),
      );
}

/** In a pipe of SMB2: a session, the share IPC$, the pipe svcctl, and the same calls. */
export function svcctlOverSmb(client: string, server: string): Conversation {
  const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");
  const share = utf16(`\\\\${server}\\IPC$`);
  const name = utf16("svcctl");
  const open: readonly (readonly [command: number, request: Buffer, answer: Buffer])[] = [
    // Negotiate: dialect 2.1.
    [
      0,
      bytesOf("2400 0100 0100 0000 00000000", Buffer.alloc(16), Buffer.alloc(8), "1002"),
      bytesOf(
        "4100 0100 1002 0000",
        Buffer.alloc(16),
        "07000000 00001000 00001000 00001000",
        Buffer.alloc(16),
        "8000 0000 00000000",
      ),
    ],
    // Session set-up, without a word of who it is.
    [1, bytesOf("1900 00 01 00000000 00000000 5800 0000", Buffer.alloc(8)), bytesOf("0900 0000 4800 0000")],
    [
      3,
      bytesOf("0900 0000 4800", little(share.length, 2), share),
      bytesOf("1000 02 00 00000000 00000000 ff011f00"),
    ],
    [
      5,
      bytesOf(
        "3900 00 00 02000000 00000000 00000000 00000000 00000000 9f011200 00000000 03000000 01000000 40004000 7800",
        little(name.length, 2),
        "00000000 00000000",
        name,
      ),
      bytesOf(
        "5900 00 00 01000000",
        Buffer.alloc(32),
        Buffer.alloc(16),
        "80000000 00000000",
        FILE,
        "00000000 00000000",
      ),
    ],
  ];
  const messages: Message[] = open.flatMap(([command, request, reply], index) => [
    { from: "client", bytes: smb2(command, index, false, request) },
    { from: "server", bytes: smb2(command, index, true, reply) },
  ]);
  STEPS.forEach(([request, reply], index) => {
    messages.push(
      { from: "client", bytes: pipe(open.length + index, false, request) },
      { from: "server", bytes: pipe(open.length + index, true, reply) },
    );
  });
  return { transport: "tcp", client, server, port: 445, messages };
}
