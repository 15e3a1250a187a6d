/**
 * A long file of lines that is changed where it changes, for a hundredth of what writing it again costs.
 *
 * A new line is appended as a comment, with `#` for its first character, and comes into force with that
 * one byte; a line that is over ends with one byte the same way. So whoever reads meanwhile, or after the
 * power went, finds each line whole or not at all, and never a piece of an address that is another's.
 */
import { type EditedFile, errnoOf, type FileSystem, ioError, type Stamp } from "./atomic-file.ts";

/** One line as a control writes it. */
export interface ControlLine {
  readonly path: string;
  /** By what it is known (see `keysOf`). */
  readonly key: string;
  /** ASCII, ends with a line feed, does not begin with `#`. */
  readonly text: string;
}

/** What becomes of one line. */
export interface LineEdit {
  readonly key: string;
  /** The line from now on, or undefined when it is over. */
  readonly text: string | undefined;
}

/** A file held in memory as it stands on disk. */
export interface LineFile {
  readonly path: string;
  textOf(key: string): string | undefined;
  /** Whether so much of it is past that it is better written again. */
  isWorn(): boolean;
  /**
   * Changes lines in place and reads them back; false when the file is not as it was left. With no edits
   * it only looks. After false or `control.io` each line is whole, and the file must be written again.
   */
  edit(edits: readonly LineEdit[], count: number): Promise<boolean>;
  /** Whether the file holds exactly what was written, read from end to end. */
  isExact(): Promise<boolean>;
}

interface Place {
  readonly at: number;
  readonly length: number;
}

const HASH = Buffer.from("#");
/** Past lines below this are carried along, bytes. */
const WEAR = 64 << 10;

/** Takes up a file that holds `text`; undefined when it does not, or when a line of it cannot be told from others. */
export async function openLineFile(
  path: string,
  text: string,
  keysOf: (path: string, text: string) => readonly string[],
  files: FileSystem,
): Promise<LineFile | undefined> {
  let bytes = Buffer.from(text, "utf8");
  if (bytes.length !== text.length) return undefined;
  const places = new Map<string, Place>();
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at) + 1;
    if (end === 0) return undefined;
    const [key, ...more] = text[at] === "#" ? [] : keysOf(path, text.slice(at, end));
    if (more.length > 0 || (key !== undefined && places.has(key))) return undefined;
    if (key !== undefined) places.set(key, { at, length: end - at });
    at = end;
  }
  let size = bytes.length;
  let past = 0;
  let stamp: Stamp | undefined;

  const textAt = ({ at, length }: Place): string => bytes.toString("latin1", at, at + length);

  function append(addition: Buffer): void {
    if (size + addition.length > bytes.length) {
      const larger = Buffer.alloc(Math.ceil((size + addition.length) * 1.25));
      bytes.copy(larger, 0, 0, size);
      bytes = larger;
    }
    addition.copy(bytes, size);
    size += addition.length;
  }

  async function editOpen(file: EditedFile, edits: readonly LineEdit[], count: number): Promise<boolean> {
    if (!isSame(await file.stamp(), stamp)) return false;
    if (edits.length === 0) return true;
    const over: Place[] = [];
    const added: { readonly place: Place; readonly first: number }[] = [];
    const parts: string[] = [];
    const from = size;
    let end = from;
    for (const { key, text: line } of edits) {
      const old = places.get(key);
      if (old !== undefined) {
        over.push(old);
        places.delete(key);
      }
      if (line === undefined) continue;
      const place = { at: end, length: line.length };
      added.push({ place, first: line.charCodeAt(0) });
      parts.push(`#${line.slice(1)}`);
      places.set(key, place);
      end += line.length;
    }
    // Its length changes with every change: who compares lengths and seconds sees it, too.
    const note = `# now ${count}\n`;
    parts.push(note);
    const addition = Buffer.from(parts.join(""), "latin1");
    await file.write(addition, from);
    append(addition);
    for (const { at } of over) await file.write(HASH, at);
    for (const { place, first } of added) await file.write(Buffer.of(first), place.at);
    for (const { at, length } of over) {
      bytes[at] = 35;
      past += length;
    }
    for (const { place, first } of added) bytes[place.at] = first;
    past += note.length;
    stamp = await file.stamp();
    const back = await file.read(addition.length, from);
    if (stamp.size !== size || !back.equals(bytes.subarray(from, size))) return false;
    for (const { at } of over) if ((await file.read(1, at))[0] !== 35) return false;
    return true;
  }

  /** False when the file is gone. Throws `control.io`. */
  async function withFile(verb: string, work: (file: EditedFile) => Promise<boolean>): Promise<boolean> {
    try {
      const file = await files.edit(path);
      try {
        return await work(file);
      } finally {
        await file.close();
      }
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return false;
      throw ioError(path, verb, cause);
    }
  }

  const isExact = () =>
    withFile("read", async (file) => {
      const now = await file.stamp();
      if (now.size !== size || !(await file.read(size, 0)).equals(bytes.subarray(0, size))) return false;
      stamp = now;
      return true;
    });

  if (!(await isExact())) return undefined;
  return {
    path,
    textOf(key) {
      const place = places.get(key);
      return place === undefined ? undefined : textAt(place);
    },
    isWorn: () => past > Math.max(WEAR, size / 2),
    edit: (edits, count) => withFile("write", (file) => editOpen(file, edits, count)),
    isExact,
  };
}

function isSame(one: Stamp, other: Stamp | undefined): boolean {
  return (
    other !== undefined &&
    one.inode === other.inode &&
    one.size === other.size &&
    one.mtimeNs === other.mtimeNs
  );
}
