import {
  appendFile,
  copyFile,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { expected, type Followed, follow, makeFolder, numbered, until } from "./support.ts";

let folder: string;
let close: () => Promise<void>;
let log: string;
const open: Followed[] = [];

beforeEach(async () => {
  [folder, close] = await makeFolder();
  log = join(folder, "eve.json");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.stop()));
  await close();
});

function start(...args: Parameters<typeof follow>): Followed {
  const followed = follow(...args);
  open.push(followed);
  return followed;
}

/** Follows until `count` lines are there, then stops; a surplus would show in the texts. */
async function readAll(count: number, options: Parameters<typeof follow>[1] = {}): Promise<Followed> {
  const followed = start(log, options);
  await until(() => followed.texts.length >= count);
  await followed.stop();
  return followed;
}

describe("a growing file", () => {
  it("gives what is there and what is appended, once each", async () => {
    await writeFile(log, numbered(1, 3));
    const followed = start(log);
    await until(() => followed.texts.length === 3);
    await appendFile(log, numbered(4, 5));
    await until(() => followed.texts.length === 5);
    expect(followed.texts).toEqual(expected(1, 5));
    expect(new Set(followed.streams).size).toBe(1);
  });

  it("is told of a change at once, not by the poll", async () => {
    await writeFile(log, numbered(1, 1));
    const followed = start(log, { pollMs: 3_600_000 });
    await until(() => followed.texts.length === 1);
    await appendFile(log, numbered(2, 2));
    await until(() => followed.texts.length === 2);
  });

  it("gives a half line only when its newline is there (T10)", async () => {
    const [, second] = expected(1, 2) as [string, string];
    await writeFile(log, `${numbered(1, 1)}${second.slice(0, 20)}`);
    const followed = start(log);
    await until(() => followed.texts.length === 1);
    expect(followed.position().offset).toBe(numbered(1, 1).length);
    await appendFile(log, second.slice(20));
    await appendFile(log, "\n");
    await until(() => followed.texts.length === 2);
    expect(followed.texts).toEqual(expected(1, 2));
  });

  it("goes on at its position after a restart, half line included", async () => {
    const third = expected(3, 3)[0] as string;
    await writeFile(log, `${numbered(1, 2)}${third.slice(0, 9)}`);
    const first = await readAll(2);
    await appendFile(log, `${third.slice(9)}\n${numbered(4, 4)}`);
    const second = await readAll(2, { position: first.position() });
    expect(second.texts).toEqual(expected(3, 4));
    expect(second.streams[0]).toBe(first.streams[0]);
    expect(second.offsets[0]).toBe(numbered(1, 2).length);
  });

  it("waits for the consumer before the next batch and hands over at most 1,000 lines", async () => {
    await writeFile(log, numbered(1, 2_500));
    const sizes: number[] = [];
    let busy = 0;
    const followed = start(log, {
      async before(batch) {
        expect(busy++).toBe(0);
        sizes.push(batch.lines.length);
        await new Promise<void>((resolve) => setImmediate(resolve));
        busy--;
      },
    });
    await until(() => followed.texts.length === 2_500);
    expect(sizes).toEqual([1_000, 1_000, 500]);
  });

  it("reads a line of 1 MB, and passes over one above 2 MiB with its length bounded", async () => {
    const million = "m".repeat(1_000_000);
    const tooLong = "t".repeat(2 * 1024 * 1024 + 1);
    await writeFile(log, `first\n${million}\n${tooLong}\nlast\n`);
    const followed = await readAll(4);
    expect(followed.texts).toEqual(["first", million, "tooLong 4096", "last"]);
    expect(followed.position().offset).toBe((await stat(log)).size);
  });
});

describe("a file that is not there", () => {
  it("is read when it appears, and when its directory does", async () => {
    const path = join(folder, "later", "eve.json");
    const followed = start(path);
    await mkdir(join(folder, "later"));
    await writeFile(path, numbered(1, 2));
    await until(() => followed.texts.length === 2);
    await rm(join(folder, "later"), { recursive: true });
    await mkdir(join(folder, "later"));
    await writeFile(path, numbered(3, 4));
    await until(() => followed.texts.length === 4);
    await appendFile(path, numbered(5, 5));
    await until(() => followed.texts.length === 5);
    expect(followed.texts).toEqual(expected(1, 5));
  });

  it("that comes back is known by its first line", async () => {
    await writeFile(log, numbered(1, 3));
    const first = await readAll(3);
    await rename(log, join(folder, "elsewhere"));
    const second = start(log, { position: first.position() });
    await copyFile(join(folder, "elsewhere"), join(folder, "copy"));
    await appendFile(join(folder, "copy"), numbered(4, 4));
    await rename(join(folder, "copy"), log);
    await until(() => second.texts.length >= 1);
    expect(second.texts).toEqual(expected(4, 4));
  });
});

describe("rotation by rename", () => {
  it("reads the old file to its end first, lines written after the rename included", async () => {
    await writeFile(log, numbered(1, 2));
    const followed = start(log);
    await until(() => followed.texts.length === 2);
    await rename(log, `${log}.1`);
    await writeFile(log, ""); // logrotate `create`: the writer has not been told yet
    await appendFile(`${log}.1`, numbered(3, 3));
    await until(() => followed.texts.length === 3);
    await appendFile(`${log}.1`, numbered(4, 4));
    await appendFile(log, numbered(5, 6));
    await until(() => followed.texts.length === 6);
    expect(followed.texts).toEqual(expected(1, 6));
    expect(new Set(followed.streams).size).toBe(2);
  });

  it("gives the unfinished line of a rotated file, since nothing can follow", async () => {
    await writeFile(log, `${numbered(1, 1)}half`);
    const followed = start(log);
    await until(() => followed.texts.length === 1);
    await rename(log, `${log}.1`);
    await writeFile(log, numbered(2, 2));
    await until(() => followed.texts.length === 3);
    expect(followed.texts).toEqual([...expected(1, 1), "half", ...expected(2, 2)]);
  });

  it("while nobody looked: the rest of the old, what came and went, and the new", async () => {
    await writeFile(log, numbered(1, 50));
    const first = await readAll(50);
    await appendFile(log, numbered(51, 55));
    await rename(log, `${log}.1`);
    await writeFile(log, numbered(56, 60));
    await rename(`${log}.1`, `${log}.2`);
    await rename(log, `${log}.1`);
    await writeFile(log, numbered(61, 62));
    const second = await readAll(12, { position: first.position() });
    expect(second.texts).toEqual(expected(51, 62));
    const third = start(log, { position: second.position() });
    await appendFile(log, numbered(63, 63));
    await until(() => third.texts.length >= 1);
    expect(third.texts).toEqual(expected(63, 63));
  });

  it("with inode reuse: the content decides, not the inode (T12)", async () => {
    await writeFile(log, numbered(1, 50));
    const first = await readAll(50);
    await rename(log, `${log}.1`);
    await writeFile(log, numbered(51, 60));
    await unlink(`${log}.1`);
    await rename(log, `${log}.1`);
    await writeFile(log, numbered(61, 65));
    // The inode of the old log, as if the file system had given it out again.
    const reused = { ...first.position(), inode: `${(await stat(log)).dev}:${(await stat(log)).ino}` };
    const second = await readAll(15, { position: reused });
    expect(second.texts).toEqual(expected(51, 65));
  });

  it("into an archive: what was not read is read from there", async () => {
    await writeFile(log, numbered(1, 5));
    const first = await readAll(5);
    await appendFile(log, numbered(6, 8));
    await writeFile(`${log}.1.gz`, gzipSync(await readFile(log)));
    await unlink(log);
    await writeFile(log, numbered(9, 9));
    const second = await readAll(4, { position: first.position() });
    expect(second.texts).toEqual(expected(6, 9));
    expect(second.streams[0]).toBe(first.streams[0]);
  });

  it("old rotated files are left alone at the first start", async () => {
    await writeFile(`${log}.1`, numbered(1, 5));
    await writeFile(log, numbered(6, 7));
    const followed = await readAll(2);
    expect(followed.texts).toEqual(expected(6, 7));
  });

  it("companions older than the last read are left alone", async () => {
    await writeFile(log, numbered(1, 2));
    const first = await readAll(2);
    await writeFile(`${log}.3`, numbered(90, 99));
    await utimes(`${log}.3`, 1_000, 1_000);
    await rename(log, `${log}.1`);
    await writeFile(log, numbered(3, 4));
    const second = await readAll(2, { position: first.position() });
    expect(second.texts).toEqual(expected(3, 4));
  });
});

describe("copytruncate", () => {
  it("loses and repeats nothing (T11)", async () => {
    await writeFile(log, numbered(1, 50));
    const followed = start(log);
    await until(() => followed.texts.length === 50);
    await copyFile(log, `${log}.1`);
    await truncate(log, 0);
    await appendFile(log, numbered(51, 60));
    await until(() => followed.texts.length >= 60);
    await followed.stop();
    expect(followed.texts).toEqual(expected(1, 60));
  });

  it("while nobody looked: the copy has what was not read", async () => {
    await writeFile(log, numbered(1, 50));
    const first = await readAll(50);
    await appendFile(log, numbered(51, 53));
    await copyFile(log, `${log}.1`);
    await truncate(log, 0);
    await appendFile(log, numbered(54, 60));
    const second = await readAll(10, { position: first.position() });
    expect(second.texts).toEqual(expected(51, 60));
  });

  it("is noticed when the file has grown past its old length meanwhile", async () => {
    await writeFile(log, numbered(1, 2));
    const first = await readAll(2);
    await writeFile(log, numbered(3, 40));
    const second = await readAll(38, { position: first.position() });
    expect(second.texts).toEqual(expected(3, 40));
    const live = start(log, { position: second.position(), pollMs: 3_600_000 });
    await writeFile(log, numbered(41, 99));
    await until(() => live.texts.length >= 59);
    expect(live.texts.slice(-59)).toEqual(expected(41, 99));
  });

  it("without a copy gives the half line that was cut off", async () => {
    await writeFile(log, `${numbered(1, 1)}half of a line`);
    const followed = start(log);
    await until(() => followed.texts.length === 1);
    await truncate(log, 0);
    await appendFile(log, numbered(2, 2));
    await until(() => followed.texts.length === 3);
    expect(followed.texts).toEqual([...expected(1, 1), "half of a line", ...expected(2, 2)]);
  });
});

describe("a compressed file", () => {
  beforeEach(() => {
    log = join(folder, "eve.json.gz");
  });

  it("is read once, all members, the last line without its newline too (T14)", async () => {
    const members = [numbered(1, 2), numbered(3, 3).trimEnd()].map((text) => gzipSync(text));
    await writeFile(log, Buffer.concat(members));
    const first = await readAll(3);
    expect(first.texts).toEqual(expected(1, 3));
    await writeFile(log, Buffer.concat([...members, gzipSync(`\n${numbered(4, 5)}`)]));
    const second = await readAll(2, { position: first.position() });
    expect(second.texts).toEqual(expected(4, 5));
  });

  it("that is cut gives its complete lines, says so, and goes on when the rest is there", async () => {
    const lines = scrambled(3_000);
    const whole = gzipSync(`${lines.join("\n")}\n`);
    await writeFile(log, whole.subarray(0, Math.floor(whole.length / 2)));
    const followed = start(log);
    await until(() => followed.events.includes("detector.io") && followed.texts.length > 100);
    expect(lines.slice(0, followed.texts.length)).toEqual(followed.texts);
    await writeFile(log, whole);
    await until(() => followed.texts.length === lines.length);
    expect(followed.texts).toEqual(lines);
  });

  it("that is damaged ends without an exception", async () => {
    const lines = scrambled(3_000);
    const broken = gzipSync(numbered(1, 4));
    broken[10] = 0x07; // a block of the reserved type (RFC 1951 §3.2.3)
    await writeFile(log, Buffer.concat([gzipSync(`${lines.join("\n")}\n`), broken]));
    const followed = start(log);
    await until(() => followed.events.includes("detector.io") && followed.texts.length > 2_000);
    expect(lines.slice(0, followed.texts.length)).toEqual(followed.texts);
  });
});

it("a position of another make begins at the start", async () => {
  await writeFile(log, numbered(1, 2));
  const followed = await readAll(2, { position: { version: 7, offset: -1 } });
  expect(followed.texts).toEqual(expected(1, 2));
});

/** Lines that do not compress well. */
function scrambled(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `{"n":${i},"r":"${(i * 2_654_435_761) % 4_294_967_291}"}`);
}

it("logs of Zeek are told apart although all of them begin with the same lines", async () => {
  const header = "#separator \\x09\n#set_separator\t,\n#path\tnotice\n#fields\tts\tnote\n";
  const rows = (from: number) => `${header}${from}.000001\tScan::Port_Scan\n`;
  await writeFile(log, rows(1));
  const before = await readAll(5);
  await rename(log, `${log}.2`);
  await writeFile(`${log}.1`, rows(2));
  await writeFile(log, header);
  const after = start(log, { position: before.position() });
  await until(() => after.texts.length === 5);
  await appendFile(log, "3.000001\tScan::Port_Scan\n");
  await until(() => after.texts.length === 10);
  expect(after.texts.filter((text) => !text.startsWith("#"))).toEqual([
    "2.000001\tScan::Port_Scan",
    "3.000001\tScan::Port_Scan",
  ]);
  expect(new Set(after.streams).size).toBe(2);
});
