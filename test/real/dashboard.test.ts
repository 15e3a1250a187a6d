/**
 * The dashboard in a real browser against real nodes: what a person sees and does, one story told in order.
 * Pictures of every view in both themes go to ANAMNESIS_PICTURES when that is set, to be looked at.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Attack, makeConsortium, PATIENCE_MS, type TestConsortium, until } from "../e2e/support.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
const missing = CHROMIUM === undefined ? "needs Chromium" : undefined;
if (missing !== undefined) console.warn(`SKIPPED test/real/dashboard: ${missing}`);

const PICTURES = process.env.ANAMNESIS_PICTURES;
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const VIEWS = ["now", "immunity", "records", "inbox", "plant"] as const;
const TIMEOUT = { timeout: 2 * PATIENCE_MS };
const B = 1;

describe.skipIf(missing !== undefined)("the dashboard", () => {
  let c: TestConsortium;
  let close: () => Promise<void> = async () => {};
  let browser: Browser;
  let page: Page;
  let known: Attack;
  /** What the browser complained of, and whom else it asked. */
  const complaints: string[] = [];
  const strangers: string[] = [];
  const token = async (name: string) =>
    (await readFile(join(c.plants[B]?.directory ?? "", `${name}.token`), "utf8")).trim();
  const signIn = async (value: string) => {
    const forget = page.getByRole("button", { name: "Forget the token" });
    if (await forget.isVisible()) await forget.click();
    await page.getByLabel("Operator's token").fill(value);
    await page.getByRole("button", { name: "Sign in" }).click();
    await forget.waitFor();
  };
  const go = async (view: string) => {
    await page
      .getByRole("navigation")
      .getByRole("link", { name: new RegExp(`^${view}`) })
      .click();
    await page.locator(`main[data-view="${view.toLowerCase()}"]`).waitFor();
  };

  beforeAll(async () => {
    if (PICTURES !== undefined) await mkdir(PICTURES, { recursive: true });
    [c, close] = await makeConsortium();
    await c.start(0, 1, 2, 3);
    browser = await chromium.launch({
      executablePath: CHROMIUM as string,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    });
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    const origin = `http://127.0.0.1:${c.plants[B]?.http}`;
    page.on("console", (message) => {
      // A refused command is an answer of 4xx, which Chromium notes as an error.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith(origin)) strangers.push(request.url());
    });
    await page.goto(origin);
  }, TIMEOUT.timeout);
  afterAll(async () => {
    await browser?.close();
    await close();
  });

  it("says that nothing happened before anything has", TIMEOUT, async () => {
    await page.getByRole("heading", { name: "Now", level: 1 }).waitFor();
    await page.getByText("armed", { exact: true }).waitFor();
    await go("Records");
    await page.getByText("No record is known yet.").waitFor();
    await go("Inbox");
    await page.getByText("Nothing waits for you.").waitFor();
  });

  it("shows an attack at plant A without reload, and that this plant is protected", TIMEOUT, async () => {
    await go("Now");
    [known] = (await c.attack(1)) as [Attack];
    const stream = page.getByRole("list", { name: /What happened/ });
    await stream.getByText("protected").first().waitFor({ timeout: PATIENCE_MS });
    await until("the record is everywhere and on the chain", () => c.isImmune([known]));
    await go("Records");
    const row = page.getByRole("row", { name: new RegExp(known.address.replaceAll(".", "\\.")) });
    await row.getByText("attested").waitFor();
    await row.getByText("protected").waitFor();
    await page.getByLabel("Find").fill("no such thing");
    await page.getByText("No record fits.").waitFor();
    await page.getByLabel("Find").fill(known.address);
    await row.getByRole("link").click();
    await page.getByRole("heading", { name: new RegExp(known.address.replaceAll(".", "\\.")) }).waitFor();
    await page.getByRole("region", { name: "Members' stances" }).getByText("observed").waitFor();
  });

  it("shows which member's plant is protected, and after what time", TIMEOUT, async () => {
    await go("Immunity");
    const row = page
      .getByRole("region", { name: /^Attacks/ })
      .getByRole("row")
      .nth(1);
    await row.getByText("protected").nth(3).waitFor({ timeout: PATIENCE_MS });
    expect(await row.textContent()).toMatch(/\+\d/);
  });

  it("refuses a wrong token in plain words", TIMEOUT, async () => {
    await go("Inbox");
    await signIn("wrong");
    await page
      .getByRole("alert")
      .getByText(/not one this node knows/)
      .waitFor();
  });

  it("approves with two people, and the control follows", TIMEOUT, async () => {
    await signIn(await token("operator"));
    const card = page.locator("section.card", { hasText: "at conduit-ips" });
    await card.waitFor();
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, "approval.png") });
    await card.getByLabel("Ticket").fill("CHG-42");
    await card.getByLabel("Process owner").fill("rolling mill");
    await card.getByRole("button", { name: "Approve" }).click();
    await card.getByText(/a second person has to/).waitFor();
    await card.getByRole("button", { name: "Approve as the second person" }).click();
    await card.getByText(/has approved this already/).waitFor();
    await signIn(await token("approver"));
    await card.getByRole("button", { name: "Approve as the second person" }).click();
    await page.getByText(/by operator and approver/).waitFor();
    await until("the conduit blocks", async () => {
      const view = await c.view(B, known.id);
      const action = view?.applications.find(({ control }) => control === "conduit-ips")?.action;
      return action === "block" || `conduit-ips: ${action}`;
    });
  });

  it("rolls back, stops and resumes", TIMEOUT, async () => {
    page.on("dialog", (dialog) => void dialog.accept("the HMI is cut off"));
    await page.goto(`http://127.0.0.1:${c.plants[B]?.http}/#/records/${known.id}`);
    const row = page.getByRole("row", { name: /^conduit-ips/ });
    await row.getByRole("button", { name: "Roll back" }).click();
    await until("the conduit lets go", async () => {
      const view = await c.view(B, known.id);
      return (
        view?.applications.find(({ control }) => control === "conduit-ips")?.action === "none" || "in force"
      );
    });
    await go("Plant");
    await page
      .getByRole("row", { name: /^edge-list/ })
      .getByRole("button", { name: "Stop" })
      .click();
    await go("Inbox");
    await page.getByRole("heading", { name: "edge-list is stopped" }).waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("heading", { name: "edge-list is stopped" }).waitFor({ state: "detached" });
    await go("Plant");
    await page.getByLabel("Is it us who stop").fill(known.address);
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByRole("main").getByRole("status").getByText("yes").waitFor();
  });

  it("shows that what two members refute is undone", TIMEOUT, async () => {
    await go("Records");
    for (const plant of [2, 3]) await c.ask(plant).attest(known.id, "refute", 80);
    await page.getByLabel("Find").fill("");
    const row = page.getByRole("row", { name: new RegExp(known.address.replaceAll(".", "\\.")) });
    await page.getByRole("heading", { name: "Records" }).click();
    await row.getByText("refuted").waitFor({ timeout: PATIENCE_MS });
    await row.getByText("nothing in force").waitFor({ timeout: PATIENCE_MS });
  });

  it.each(["light", "dark"] as const)(
    "has no serious fault of accessibility in the %s theme",
    async (theme) => {
      await page.emulateMedia({ colorScheme: theme });
      const faults: string[] = [];
      for (const [width, height] of [
        [1280, 900],
        [390, 800],
      ] as const) {
        await page.setViewportSize({ width, height });
        for (const view of [...VIEWS, `records/${known.id}`]) {
          await page.goto(`http://127.0.0.1:${c.plants[B]?.http}/#/${view}`);
          await page.locator("main h1").first().waitFor();
          await page.locator(`main[data-view="${view.split("/")[0]}"]`).waitFor();
          if (PICTURES !== undefined)
            await page.screenshot({
              path: join(PICTURES, `${theme}-${width}-${view.replace(/\/.*/, "-one")}.png`),
            });
          await page.evaluate(await readFile(AXE, "utf8"));
          const found = (await page.evaluate("axe.run()")) as {
            violations: { id: string; impact: string; nodes: { html: string }[] }[];
          };
          for (const { id, impact, nodes } of found.violations)
            if (impact === "serious" || impact === "critical")
              faults.push(`${view}: ${id}: ${nodes[0]?.html.slice(0, 200)}`);
        }
      }
      expect(faults).toEqual([]);
    },
    TIMEOUT.timeout,
  );

  it("asked nobody but its node, and the browser had nothing to complain of", () => {
    expect(strangers).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it("says that the node does not answer, and goes on when it does", TIMEOUT, async () => {
    await go("Now");
    await c.end(B, "stop");
    await page.getByText("no answer").waitFor();
    await c.start(B);
    await page.getByText("no answer").waitFor({ state: "detached", timeout: PATIENCE_MS });
  });
});
