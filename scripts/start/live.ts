/* While it happens: one line for each step of each record, written once every plant has reached it. */
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Change, ChangeType } from "../../node/src/state/changes.ts";
import { formatMs, shorten } from "./names.ts";
import type { Paint } from "./paint.ts";

/** What the live lines need. */
export interface LiveOptions {
  /** Plants that take part, the attacked one first. */
  readonly letters: readonly string[];
  /** Names of the records that the input must lead to. */
  readonly names: ReadonlyMap<IndicatorId, string>;
  readonly say: (line: string) => void;
  readonly paint: Paint;
}

/** Turns the plants' change streams into lines. */
export interface Live {
  onChange(letter: string, change: Change, sinceAlertMs: number | null): void;
  /** Writes what some plants reached and others did not. */
  flush(): void;
}

const NAME_WIDTH = 36;
/** More plants than fit on a line are told by the first and the last. */
const MOST_COLUMNS = 4;
/** Things that should not pass unseen; once each for a record, a plant and a control. */
const REMARKS: ReadonlySet<ChangeType> = new Set(["refused", "deferred", "undone", "refuted", "withdrawn"]);

/** Starts with nothing reached. */
export function createLive({ letters, names, say, paint }: LiveOptions): Live {
  const attacked = letters[0] as string;
  const groups = new Map<
    string,
    { type: ChangeType; id: IndicatorId; at: Map<string, number>; action: string }
  >();
  const told = new Set<string>();

  function line(type: string, id: IndicatorId, rest: string): void {
    const name = shorten(names.get(id) ?? id, NAME_WIDTH).padEnd(NAME_WIDTH);
    say(`  ${paint.step(type, type.padEnd(9))}  ${name}  ${rest}`.trimEnd());
  }

  function timesOf(at: ReadonlyMap<string, number>): string {
    if (letters.length > MOST_COLUMNS) {
      const all = [...at.values()];
      const span = `${formatMs(Math.min(...all))} to ${formatMs(Math.max(...all))}`;
      return `${at.size === letters.length ? "all" : at.size} plants, ${span}`;
    }
    return letters
      .map((letter) => {
        const ms = at.get(letter);
        return (
          (ms === undefined ? "" : `${paint.strong(letter)} ${formatMs(ms).padStart(7)}`) || " ".repeat(9)
        );
      })
      .join("  ");
  }

  function write(key: string): void {
    const group = groups.get(key);
    if (group === undefined || told.has(key)) return;
    told.add(key);
    const { type, id, at, action } = group;
    line(type, id, `${timesOf(at)}${action === "" ? "" : `  ${action}`}`);
  }

  function reach(type: ChangeType, id: IndicatorId, letter: string, ms: number, action: string): void {
    const key = `${type}/${id}`;
    const group = groups.get(key) ?? { type, id, at: new Map<string, number>(), action };
    groups.set(key, group);
    if (group.at.has(letter)) return;
    group.at.set(letter, ms);
    const wanted = type === "admitted" ? letters.filter((each) => each !== attacked) : letters;
    if (wanted.every((each) => group.at.has(each))) write(key);
  }

  function first(id: IndicatorId, type: "alert" | "released" | "signed", ms: number): void {
    const key = `seen/${id}`;
    const { at } = groups.get(key) ?? { at: new Map<string, number>() };
    groups.set(key, { type, id, at, action: "" });
    if (at.has(type)) return;
    at.set(type, ms);
    if (type !== "signed") return;
    told.add(key);
    const steps = [...at].map(([step, each]) => `${step} ${formatMs(each)}`).join(", ");
    line("alert", id, `${paint.strong(attacked)} ${steps}`);
  }

  return {
    onChange(letter, change, since) {
      const { indicator: id, type, action = "" } = change;
      if (id === undefined || since === null || !names.has(id) || !letters.includes(letter)) return;
      if (type === "alert" || type === "released" || type === "signed") {
        if (letter === attacked) first(id, type, since);
      } else if (type === "admitted" || type === "attested" || type === "recorded") {
        reach(type, id, letter, since, "");
      } else if (type === "warned" || type === "protected") {
        // Whoever blocks at once was never without a warning.
        reach("warned", id, letter, since, "alert");
        if (type === "protected") reach(type, id, letter, since, action);
      } else if (type === "sighting" && letter === attacked && !groups.has(`seen/${id}`)) {
        const key = `again/${id}`;
        if (!told.has(key)) line("met again", id, `${paint.strong(letter)} ${formatMs(since)}`);
        told.add(key);
      } else if (REMARKS.has(type)) {
        const key = `${type}/${id}/${letter}/${change.control ?? ""}/${change.code ?? ""}`;
        const where = change.control === undefined ? "" : ` at ${change.control}`;
        if (!told.has(key))
          line(type, id, `${paint.strong(letter)}${where} ${change.code ?? change.detail ?? ""}`);
        told.add(key);
      }
    },
    flush() {
      for (const key of groups.keys()) if (!key.startsWith("seen/")) write(key);
    },
  };
}
