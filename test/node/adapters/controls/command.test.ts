import { rmSync, writeFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createCommand } from "../../../../node/src/adapters/controls/command.ts";
import { observable, START_MS } from "../../support/plant.ts";
import { applicationOf, describeControl } from "./suite.ts";

const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };

/** A program that takes the list into `held` or fails, and one that prints it. */
async function open() {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-command-"));
  const held = join(directory, "held");
  const script = async (name: string, text: string) => {
    const file = join(directory, name);
    await writeFile(file, `#!/bin/sh\n${text}\n`);
    await chmod(file, 0o755);
    return file;
  };
  await writeFile(held, "");
  const take = await script("take", `[ ! -e "${directory}/broken" ] && cp "$2" "${held}"`);
  const show = await script("show", `[ ! -e "${directory}/away" ] && cat "${held}"`);
  let nowMs = START_MS;
  const control = createCommand(
    { name: "wall", level: 4, path: join(directory, "list"), run: [take, "--list"], ask: [show] },
    { clock: { nowMs: () => nowMs, monotonicMs: () => 0 } },
  );
  return {
    control,
    held,
    take,
    directory,
    read: () => readFile(held, "utf8"),
    tamper: async () => writeFile(held, `${await readFile(held, "utf8")}block ipv4-addr 192.0.2.1\n`),
    wipe: () => writeFile(held, ""),
    setNowMs: (next: number) => {
      nowMs = next;
    },
    breakWrites: (isBroken: boolean) => {
      if (isBroken) writeFileSync(join(directory, "broken"), "");
      else rmSync(join(directory, "broken"));
    },
    close: () => rm(directory, { recursive: true }),
  };
}

describeControl("command", open);

test("runs its program with its own arguments and the list's path, and says what it said", async () => {
  const { control, take, directory, close } = await open();
  await writeFile(take, `#!/bin/sh\necho "$@" > ${directory}/args\necho no such zone >&2\nexit 3\n`);
  const list = [
    applicationOf(control, observable("203.0.113.7")),
    applicationOf(control, observable("a.turbine-fw.com", "domain-name")),
  ];
  await expect(control.apply(list)).rejects.toThrow(/wall: .*take failed: no such zone; run it by hand/);
  expect(await readFile(join(directory, "args"), "utf8")).toBe(`--list ${directory}/list\n`);
  expect(await readFile(join(directory, "list"), "utf8")).toBe(
    "# anamnesis\nblock domain-name a.turbine-fw.com\nblock ipv4-addr 203.0.113.7\n",
  );
  await close();
});

test("without a program to ask, a list that was read back is staged", async () => {
  const { directory, take, close } = await open();
  const control = createCommand(
    { name: "wall", level: 4, path: join(directory, "list"), run: [take, "--list"] },
    { clock },
  );
  const list = [applicationOf(control, observable("203.0.113.7"))];
  await control.apply(list);
  expect(await control.verify(list)).toEqual({ proof: "staged", missing: [], extra: [] });
  await close();
});
