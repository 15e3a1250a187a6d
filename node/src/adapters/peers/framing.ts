/** Frames of the push stream: length u32 big-endian, then that many bytes, at least one. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

const HEADER_BYTES = 4;

/** A message with its length in front, in one piece, so that all peers share one copy. */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(HEADER_BYTES + message.length);
  new DataView(framed.buffer).setUint32(0, message.length);
  framed.set(message, HEADER_BYTES);
  return framed;
}

/** Reads frames out of chunks of any size. */
export interface FrameReader {
  /**
   * Takes the next chunk and hands every frame it completes to `onFrame`, as memory of its own.
   * @throws AnamnesisError `message.tooLarge` | `peer.protocol`; the reader is useless afterwards
   */
  append(chunk: Uint8Array): void;
  /** Whether a frame has begun and is not complete. */
  partial(): boolean;
}

/** A reader of frames of at most `maxBytes`. */
export function createFrameReader(maxBytes: number, onFrame: (message: Uint8Array) => void): FrameReader {
  const header = new Uint8Array(HEADER_BYTES);
  const headerView = new DataView(header.buffer);
  let headerFilled = 0;
  let body: Uint8Array | undefined;
  let bodyFilled = 0;

  return {
    append(chunk) {
      let at = 0;
      while (at < chunk.length) {
        if (body === undefined) {
          const taken = chunk.subarray(at, at + HEADER_BYTES - headerFilled);
          header.set(taken, headerFilled);
          headerFilled += taken.length;
          at += taken.length;
          if (headerFilled < HEADER_BYTES) return;
          const length = headerView.getUint32(0);
          if (length === 0) throw new AnamnesisError("peer.protocol", "a frame of zero bytes has no meaning");
          if (length > maxBytes) {
            throw new AnamnesisError(
              "message.tooLarge",
              `a frame of ${length} bytes is announced; the limit is ${maxBytes}`,
            );
          }
          body = new Uint8Array(length);
          bodyFilled = 0;
        }
        const taken = chunk.subarray(at, at + body.length - bodyFilled);
        body.set(taken, bodyFilled);
        bodyFilled += taken.length;
        at += taken.length;
        if (bodyFilled === body.length) {
          const complete = body;
          body = undefined;
          headerFilled = 0;
          onFrame(complete);
        }
      }
    },
    partial: () => body !== undefined || headerFilled > 0,
  };
}
