/**
 * Long texts made of many lines, of which one or two change at a time. A rule file is written again
 * with every attack; what it held before is not put together again, but copied in pieces.
 */

/** Parts that share one piece. */
const PARTS = 64;

/** The lines of one part, and the names under which they must be unique. */
export interface PieceLines {
  readonly text: string;
  readonly key: string;
}

interface Piece {
  readonly parts: readonly object[];
  readonly lines: readonly (PieceLines | undefined)[];
  readonly atMs: number;
  readonly text: string;
}

/** What `createPieces` gives. */
export interface Pieces<Part extends object> {
  /**
   * The lines of all parts one after the other, or undefined where a part has none or two parts share
   * a key: then the whole must be worked out together.
   */
  join(parts: readonly Part[], nowMs: number): string | undefined;
}

/** Remembers lines by the identity of their parts; they are worked out again when `keepMs` old. */
export function createPieces<Part extends object>(
  keepMs: number,
  linesOf: (part: Part, nowMs: number) => PieceLines | undefined,
): Pieces<Part> {
  let pieces: Piece[] = [];
  const users = new Map<string, number>();
  /** Parts without lines and second users of a key. */
  let odd = 0;

  function count({ lines }: Pick<Piece, "lines">, step: 1 | -1): void {
    for (const line of lines) {
      if (line === undefined) {
        odd += step;
        continue;
      }
      const before = users.get(line.key) ?? 0;
      if (before + step === 0) users.delete(line.key);
      else users.set(line.key, before + step);
      if (Math.max(before, before + step) > 1) odd += step;
    }
  }

  function isCurrent(piece: Piece, parts: readonly Part[], from: number, to: number, nowMs: number): boolean {
    if (piece.parts.length !== to - from || Math.abs(nowMs - piece.atMs) >= keepMs) return false;
    for (let i = from; i < to; i++) if (piece.parts[i - from] !== parts[i]) return false;
    return true;
  }

  function pieceOf(parts: readonly Part[], nowMs: number): Piece {
    const lines = parts.map((part) => linesOf(part, nowMs));
    return { parts, lines, atMs: nowMs, text: flat(lines.map((line) => line?.text ?? "").join("")) };
  }

  return {
    join(parts, nowMs) {
      const next: Piece[] = [];
      for (let from = 0; from < parts.length; from += PARTS) {
        const to = Math.min(from + PARTS, parts.length);
        const held = pieces[next.length];
        const isHeld = held !== undefined && isCurrent(held, parts, from, to, nowMs);
        next.push(isHeld ? held : pieceOf(parts.slice(from, to), nowMs));
      }
      for (let i = 0; i < Math.max(pieces.length, next.length); i++) {
        const [old, fresh] = [pieces[i], next[i]];
        if (old === fresh) continue;
        if (old !== undefined) count(old, -1);
        if (fresh !== undefined) count(fresh, 1);
      }
      pieces = next;
      return odd === 0 ? next.map(({ text }) => text).join("") : undefined;
    },
  };
}

/** The same ASCII text in one piece of memory: joining texts that are themselves joined costs at every write. */
function flat(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
