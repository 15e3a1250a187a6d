/** The page: a header, the views by the address behind #, and the change log that keeps them fresh. */
import type { HealthView } from "../../sdk/src/core/views.ts";
import { api, follow, Problem, token } from "./api.ts";
import { fill, h, pill } from "./dom.ts";
import { immunity } from "./views/immunity.ts";
import { inbox } from "./views/inbox.ts";
import { count as countStates, hear, now } from "./views/now.ts";
import { plant } from "./views/plant.ts";
import { records } from "./views/records.ts";
import type { View } from "./views/view.ts";

const VIEWS: Readonly<Record<string, View>> = { now, immunity, records, inbox, plant };
/** What is around the view is asked for at least so often, ms. */
const FRAME_MS = 3000;
const part = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;
let isThere = true;
let health: HealthView | undefined;

/** The view that the address names, and what follows. */
function place(): readonly [name: string, view: View, rest: string] {
  const [, name = "now", rest = ""] = /^#\/([a-z]+)(?:\/(.*))?$/.exec(location.hash) ?? [];
  const view = VIEWS[name];
  return view === undefined ? ["now", now, ""] : [name, view, decodeURIComponent(rest)];
}

async function draw(): Promise<void> {
  const [name, view, rest] = place();
  document.title = `${view.title} · Anamnesis`;
  const main = part("main");
  try {
    await view.draw(main, rest);
  } catch (error) {
    const { code, message } = error instanceof Problem ? error : { code: "page", message: String(error) };
    fill(
      main,
      h("h1", {}, view.title),
      h("p", { class: "alarm", role: "alert" }, pill(code, "bad"), " ", message),
      h("button", { type: "button", onClick: () => void draw() }, "Try again"),
    );
  }
  main.dataset.view = name;
  await drawFrame();
}

const links = new Map(
  Object.entries(VIEWS).map(([name, { title }]) => [name, h("a", { href: `#/${name}` }, title)] as const),
);
const count = h("span", { class: "count", hidden: true });

/** What is around the view. Nothing that may have the focus is made anew. */
async function drawFrame(): Promise<void> {
  health = await api.health().catch(() => health);
  const [current] = place();
  for (const [name, link] of links) {
    if (name === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (health !== undefined) countStates(health);
  const awaiting = health?.awaitingMe ?? 0;
  count.hidden = awaiting === 0;
  fill(count, awaiting, h("span", { class: "unseen" }, " waiting"));
  fill(part("status"), h("span", {}, health === undefined ? "" : `Plant ${health.plant}`), stateOf());
}

function stateOf(): HTMLElement | null {
  if (!isThere) return pill("no answer", "bad");
  if (health === undefined) return null;
  if (health.alarms.length > 0)
    return h(
      "a",
      { href: "#/plant" },
      pill(health.alarms.length === 1 ? "1 alarm" : `${health.alarms.length} alarms`, "bad"),
    );
  return pill(health.armed ? "armed" : "not armed", health.armed ? "good" : "watch");
}

/** The form for the token, or the way to forget it; made anew only when there is one more or one less. */
function drawSign(): void {
  const set = (value: string): void => {
    token.set(value);
    drawSign();
    void draw();
  };
  if (token.get() !== "") {
    fill(part("sign"), h("button", { type: "button", onClick: () => set("") }, "Forget the token"));
    return;
  }
  const input = h("input", { type: "password", autocomplete: "off", placeholder: "operator's token" });
  const submit = (event: Event): void => {
    event.preventDefault();
    set(input.value.trim());
  };
  fill(
    part("sign"),
    h(
      "form",
      { onSubmit: submit },
      h("label", {}, h("span", { class: "unseen" }, "Operator's token"), input),
      h("button", { type: "submit" }, "Sign in"),
    ),
  );
}

/** Changes come in swarms: so long is waited for the rest of one, ms. */
const SOON_MS = 300;
let isDue = false;
/** Draws soon: many changes at once are one drawing. A form that somebody fills in stays as it is. */
function drawSoon(): void {
  if (isDue) return;
  isDue = true;
  setTimeout(
    () => {
      isDue = false;
      const [name] = place();
      const isBusy = document.activeElement?.closest("main :is(form, label, details)") != null;
      if (name === "now" || isBusy) void drawFrame();
      else void draw();
    },
    Math.max(SOON_MS, place()[1].paceMs ?? 0),
  );
}

globalThis.addEventListener("hashchange", () => {
  void draw().then(() => part("main").focus());
});
const from = Math.max(0, ((await api.health().catch(() => undefined))?.cursor ?? 0) - 100);
void follow(
  from,
  (changes) => {
    hear(changes);
    drawSoon();
  },
  (next) => {
    if (next === isThere) return;
    isThere = next;
    drawSoon();
  },
  new AbortController().signal,
);
fill(
  part("nav"),
  h("ul", {}, ...[...links].map(([name, link]) => h("li", {}, link, name === "inbox" && count))),
);
drawSign();
setInterval(() => void drawFrame(), FRAME_MS);
await draw();
