import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inspectFile } from "../../../node/src/adapters/detectors/inspect-file.ts";
import { alertLine, SELF } from "../../sdk/eve-support.ts";
import { runInProcess } from "./in-process.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "anamnesis-detect-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}
const OPTIONS = { self: SELF, readAtMs: Date.UTC(2026, 10, 25) };
const TWO = `${alertLine()}\n${alertLine({ src_port: 9 })}\n`;

test("says what a file is, why, and what its lines became, for people and for programs", async () => {
  const path = await file("a.json", `${TWO}{"event_type":"flow"}\nhalf a line\n`);
  const human = await runInProcess(["detect", path]);
  expect(human).toMatchObject({ code: 0, err: "" });
  expect(human.out).toContain("Suricata EVE (format: eve)");
  expect(human.out).toMatch(/detection +2 /);
  expect(human.out).toMatch(/context +1 +flow/);
  expect(human.out).toMatch(/line\.notJson +1 +half a line/);
  expect(human.out).toContain("203.0.113.66 port 41822");
  expect((await runInProcess(["detect", path, "-o", "raw"])).out).toBe("eve\n");
  expect(JSON.parse((await runInProcess(["detect", path, "-o", "json"])).out)).toMatchObject({
    format: "eve",
    lines: 4,
    detections: 2,
    attackers: 2,
    context: { flow: 1 },
    rejected: { "line.notJson": 1 },
    encoding: "utf-8",
    complete: true,
  });
});

test("answers 1 for what it does not know, and still says what the lines are", async () => {
  const path = await file("b.txt", "what is this\nand this\n");
  const { code, out } = await runInProcess(["detect", path]);
  expect(code).toBe(1);
  expect(out).toContain("unknown: no format fits");
  expect(out).toMatch(/line\.unknownFormat +2 +what is this/);
});

test("refuses what is no file, no format or no zone", async () => {
  const path = await file("c.json", TWO);
  for (const [args, said] of [
    [[join(folder, "nowhere")], "is no file"],
    [[folder], "is no file"],
    [[path, "--format", "x"], "give one of eve"],
    [[path, "--zone", "Mars"], "IANA name"],
  ] as const) {
    const { code, err } = await runInProcess(["detect", ...args]);
    expect(code).toBe(2);
    expect(err).toContain(said);
  }
});

test.each([
  ["gzip, two members", Buffer.concat([gzipSync(TWO), gzipSync(TWO)]), { packed: true, detections: 4 }],
  ["UTF-16LE with a mark", Buffer.from(`\ufeff${TWO}`, "utf16le"), { encoding: "utf-16le", detections: 2 }],
  ["UTF-16LE without", Buffer.from(TWO, "utf16le"), { encoding: "utf-16le", detections: 2 }],
  ["UTF-16BE", Buffer.from(`\ufeff${TWO}`, "utf16le").swap16(), { encoding: "utf-16be", detections: 2 }],
  [
    "a byte order mark",
    `\ufeff${TWO.replaceAll("\n", "\r\n")}`,
    { encoding: "utf-8 with byte order mark", detections: 2 },
  ],
  [
    "a last line without its end",
    TWO + alertLine().slice(0, 90),
    { detections: 2, rejected: { "line.unfinished": 1 } },
  ],
  ["nothing", "", { format: null, lines: 0 }],
])("reads %s", async (_what, content, expected) => {
  expect(await inspectFile(await file("d.json", content), OPTIONS)).toMatchObject(expected);
});

test("reads of a damaged archive what can be had, and says that it is damaged", async () => {
  const packed = gzipSync(TWO.repeat(200));
  const found = await inspectFile(await file("e.gz", packed.subarray(0, packed.length - 20)), OPTIONS);
  expect(found.format).toBe("eve");
  expect(found.damage).toContain("damaged archive");
});

test("reads no more than it may, however much an archive unpacks to", async () => {
  const bomb = gzipSync(Buffer.alloc(64 << 20, 0x20));
  const found = await inspectFile(await file("f.gz", bomb), { ...OPTIONS, mostBytes: 8 << 20 });
  expect(found).toMatchObject({ complete: false, bytes: 8 << 20, rejected: { "line.tooLong": 1 } });
});

test("reads a stream as it reads a file, packed or not", async () => {
  for (const bytes of [Buffer.from(TWO), gzipSync(TWO)]) {
    const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 9), bytes.subarray(9)];
    const { format, detections, packed } = await inspectFile(Readable.from(pieces), OPTIONS);
    expect({ format, detections, packed }).toEqual({
      format: "eve",
      detections: 2,
      packed: bytes[0] === 0x1f,
    });
  }
  expect((await inspectFile(Readable.from([]), OPTIONS)).format).toBeNull();
});

test("tries a mapping, and names what is wrong with it by its line", async () => {
  const path = await file("own.json", '{"kind":"alarm","id":"7","who":"203.0.113.66"}\n{"kind":"note"}\n');
  const map = await file(
    "map.yaml",
    "when: { path: /kind, equals: alarm }\nrule: /id\nattacker: { address: /who }\n",
  );
  const { code, out } = await runInProcess(["detect", path, "--mapping", map, "-o", "json"]);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    format: "mapping",
    detections: 1,
    attackers: 1,
    context: { json: 1 },
  });
  const wrong = await file("wrong.yaml", "rule: /id\ntime: when\n");
  expect(await runInProcess(["detect", path, "--mapping", wrong])).toMatchObject({
    code: 2,
    err: expect.stringMatching(/wrong\.yaml: line 2: \/time: expected a JSON pointer/) as string,
  });
  expect((await runInProcess(["detect", path, "--mapping", map, "--format", "eve"])).code).toBe(2);
});
