/** This plant: its controls, its Self, its peers and its chain, as the doctor sees them. */
import { api, Problem } from "../api.ts";
import { fill, h, pill, table } from "../dom.ts";
import { clock, short, span } from "../words.ts";
import type { View } from "./view.ts";

// Made once: what was asked and answered stays when the rest is drawn again.
const answer = h("p", { role: "status" });
const value = h("input", { type: "search", required: true, placeholder: "an address or a name" });

/** Controls, detectors, peers, chain; and the question at three in the morning. */
export const plant: View = {
  title: "Plant",
  async draw(main) {
    const doctor = await api.doctor();
    const { health, controls, detectors, self } = doctor;
    const askWhy = (event: Event): void => {
      event.preventDefault();
      api.why(value.value.trim()).then(
        (why) => fill(answer, pill(why.us ? "yes" : "no", why.us ? "bad" : "good"), " ", why.answer),
        (error: unknown) => fill(answer, error instanceof Problem ? error.message : String(error)),
      );
    };
    fill(
      main,
      h("h1", {}, `Plant ${health.plant}`),
      ...health.alarms.map(({ code, message }) =>
        h("p", { class: "alarm", role: "alert" }, pill(code, "bad"), " ", message),
      ),
      h(
        "form",
        { onSubmit: askWhy },
        h("label", {}, "Is it us who stop ", value),
        h("button", { type: "submit" }, "Ask"),
      ),
      answer,
      h("h2", {}, "Controls"),
      table(
        "Controls",
        ["Control", "Kind", "Level", "Phase", "State", "", ""],
        controls.map(({ name, kind, level, phase, ok, detail }) => [
          name,
          kind,
          level,
          phase,
          pill(ok ? "well" : "fault", ok ? "good" : "bad"),
          detail,
          stopButton(name, () => void plant.draw(main, "")),
        ]),
      ),
      h("h2", {}, "Detectors"),
      table(
        "Detectors",
        ["Detector", "Lines", "Detections", "Repeated", "Refused"],
        Object.entries(detectors).map(([name, counts]) => [
          name,
          counts.lines,
          counts.detections,
          counts.duplicates,
          Object.entries(counts.rejected)
            .map(([code, count]) => `${code} ${count}`)
            .join(", ") || "–",
        ]),
      ),
      h("h2", {}, "Peers"),
      table(
        "Peers",
        ["Key", "Member", "State"],
        health.peers.map(({ key, member, connected }) => [
          short(key),
          member ?? "–",
          pill(connected ? "connected" : "away", connected ? "good" : "watch"),
        ]),
      ),
      h("h2", {}, "Chain"),
      h(
        "p",
        {},
        pill(health.chain.reachable ? "reachable" : "away", health.chain.reachable ? "good" : "bad"),
        ` block ${health.chain.block ?? "–"}, ${health.chain.lagBlocks ?? "–"} behind, its head `,
        health.chain.headAgeSeconds === null ? "unknown" : `${span(health.chain.headAgeSeconds * 1000)} old`,
        `; the configuration is ${doctor.configSignedBy === null ? "not signed" : `signed by ${short(doctor.configSignedBy)}`}.`,
      ),
      h("h2", {}, "Self"),
      h(
        "p",
        {},
        pill(self.stale ? "stale" : "confirmed", self.stale ? "bad" : "good"),
        ` ${clock(self.confirmedAtMs)}`,
        self.incomplete.length > 0 ? `; incomplete: ${self.incomplete.join(", ")}` : "",
      ),
    );
  },
};

function stopButton(control: string, again: () => void): HTMLElement {
  const said = h("span", { role: "status" });
  const stop = (): void => {
    const reason = prompt(`Take everything of ours out of ${control} until it is resumed. Why?`);
    if (reason === null || reason.trim() === "") return;
    api
      .stop(control, reason)
      .then(again, (error: unknown) => fill(said, error instanceof Problem ? error.message : String(error)));
  };
  return h("span", {}, h("button", { type: "button", class: "bad", onClick: stop }, "Stop"), " ", said);
}
