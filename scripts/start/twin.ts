/* The twin in the launcher: its cells, and its minute as an attack. */
import { alertLine } from "../../node/src/adapters/gateway/report.ts";
import type { Config } from "../../node/src/config.ts";
import type { LocalConsortium } from "../consortium/consortium.ts";
import type { CellSettings } from "../consortium/plants.ts";
import { type Cell, type CellRecord, startCell } from "../twin/cell.ts";
import { ATTACK_FUNCTIONS, MINUTE, runScenario, type Schedule } from "../twin/scenario.ts";
import { drawTanks } from "../twin/view.ts";
import type { Attack } from "./attack.ts";
import { expectLines } from "./expectation.ts";
import type { Paint } from "./paint.ts";
import type { Screen } from "./screen.ts";

/** The cells of a consortium, running. */
export interface Twin {
  /** The minute, as an attack on plant A whose first alerts are its gateway's. */
  readonly attack: Attack;
  /** What came of the last minute, in the order of the plants. */
  records(): readonly CellRecord[];
  /** Attacks every plant but A again, without any other change, and tells what came of it. */
  again(signal: AbortSignal): Promise<readonly CellRecord[]>;
  stop(): Promise<void>;
}

/** How often a plain log shows the tanks, s. */
const SNAPSHOT_S = 10;

/** Starts controllers and stations; gateways have to be there. */
export async function startTwin(
  settings: readonly CellSettings[],
  { plants }: LocalConsortium,
  config: Config,
  { screen, paint }: { readonly screen: Screen; readonly paint: Paint },
  minute: Schedule = MINUTE,
): Promise<Twin> {
  const cells = await Promise.all(settings.map((each, i) => startCell(plants[i]?.letter ?? "?", each)));
  const expected = expectAlerts(settings[0] as CellSettings, config);
  let found: readonly CellRecord[] = cells.map((cell) => cell.record());
  let shownS = 0;
  const onTick = (shown: readonly Cell[]) => (atS: number) => {
    if (screen.isTerminal) screen.show(drawTanks(shown, atS, screen.columns(), paint));
    if (screen.isTerminal || atS < shownS + SNAPSHOT_S) return;
    shownS = Math.floor(atS / SNAPSHOT_S) * SNAPSHOT_S;
    for (const line of drawTanks(shown, atS, screen.columns(), paint)) screen.say(line);
  };
  return {
    attack: {
      records: [...expected.values()].flat(),
      async play(onAppended, signal) {
        const attacked = cells[0]?.letter;
        let lines = 0;
        shownS = 0;
        found = await runScenario(cells, minute, signal, {
          onTick: onTick(cells),
          onSent(letter, command) {
            if (letter !== attacked) return;
            lines += 1;
            onAppended(expected.get(ATTACK_FUNCTIONS[command] as number) ?? [], Date.now());
          },
        });
        screen.show([]);
        return lines;
      },
    },
    records: () => found,
    async again(signal) {
      const others = cells.slice(1);
      shownS = 0;
      const schedule = { firstS: 0, othersS: 0, attackS: minute.attackS, endS: minute.attackS + 5 };
      const records = await runScenario(others, schedule, signal, {
        onTick: onTick(others),
        onSent: () => undefined,
      });
      screen.show([]);
      return records;
    },
    async stop() {
      await Promise.all(cells.map((cell) => cell.stop()));
    },
  };
}

/** By function: the records that plant A's gateway's alert of the attacker's command must lead to. */
function expectAlerts({ attacker, controller }: CellSettings, config: Config) {
  return new Map(
    [...new Set<number>(ATTACK_FUNCTIONS)].map((code) => {
      const hit = { source: attacker, sourcePort: 0, function: code, unit: 1, verdict: "passed" } as const;
      const [line] = expectLines(alertLine(hit, controller, 0), config);
      return [code, line?.releases ?? []] as const;
    }),
  );
}
