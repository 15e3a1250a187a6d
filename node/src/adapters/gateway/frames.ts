/** Modbus TCP on the wire (Modbus Messaging on TCP/IP 1.0b §3.1.3): a header of seven bytes, then function and data. */

/** Header up to the length field. */
const HEAD_BYTES = 6;
/** Unit, function and at most 252 bytes of data. */
const LONGEST = 254;
/** Exception code 1: illegal function. */
const ILLEGAL_FUNCTION = 1;

/** Cuts a stream into whole messages, however the network cut it. */
export interface Splitter {
  /**
   * The whole messages now known, in order. `rest` is set once the stream is no Modbus: the bytes
   * from there on, of which nothing can be told; every later push comes back as `rest`.
   */
  push(chunk: Buffer): { readonly frames: readonly Buffer[]; readonly rest?: Buffer };
}

/** A splitter for one direction of one connection; it holds less than one message. */
export function createSplitter(): Splitter {
  let held: Buffer = Buffer.alloc(0);
  let isLost = false;
  return {
    push(chunk) {
      if (isLost) return { frames: [], rest: chunk };
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const frames: Buffer[] = [];
      let at = 0;
      while (bytes.length - at >= HEAD_BYTES) {
        const length = bytes.readUInt16BE(at + 4);
        if (bytes.readUInt16BE(at + 2) !== 0 || length < 2 || length > LONGEST) {
          isLost = true;
          held = Buffer.alloc(0);
          return { frames, rest: bytes.subarray(at) };
        }
        if (bytes.length - at < HEAD_BYTES + length) break;
        frames.push(bytes.subarray(at, at + HEAD_BYTES + length));
        at += HEAD_BYTES + length;
      }
      held = bytes.subarray(at);
      return { frames };
    },
  };
}

/** The function code of a message. */
export function functionOf(frame: Buffer): number {
  return frame[HEAD_BYTES + 1] as number;
}

/** What a controller answers to a function it does not know: transaction and unit of the request, exception 01. */
export function exceptionFor(frame: Buffer): Buffer {
  const answer = Buffer.alloc(HEAD_BYTES + 3);
  frame.copy(answer, 0, 0, 2);
  answer.writeUInt16BE(3, 4);
  answer[HEAD_BYTES] = frame[HEAD_BYTES] as number;
  answer[HEAD_BYTES + 1] = functionOf(frame) | 0x80;
  answer[HEAD_BYTES + 2] = ILLEGAL_FUNCTION;
  return answer;
}
