/** "Is it you who cut off the HMI?" answered from what is in force, "no, not us" included. */
import { overlaps, parseRange } from "@anamnesis/sdk/core/address-set";
import type { ActionClass, IndicatorId, Self } from "@anamnesis/sdk/core/types";
import type { Control, TrafficSet } from "../ports.ts";
import type { RecordView } from "../state/record.ts";
import type { Vaccinations } from "../state/vaccinations.ts";

/** One application that touches the value. */
export interface WhyMatch {
  readonly indicator: IndicatorId;
  readonly name: string;
  readonly control: string;
  readonly action: ActionClass;
  readonly statement: string;
  /** Where the value is in it. */
  readonly place: "source" | "destination" | "name" | "indicator";
  /** What is stopped, when anything is. */
  readonly blocks: readonly TrafficSet[];
  readonly consequences: readonly string[];
}

/** Every application in force that touches a value; `us` when one of them stops traffic. */
export interface WhyAnswer {
  readonly value: string;
  readonly us: boolean;
  readonly matches: readonly WhyMatch[];
}

/** Looks an address, range, name, hash or indicator id up in what is in force. */
export function whyOf(
  value: string,
  controls: readonly Control[],
  vaccinations: Vaccinations,
  records: ReadonlyMap<IndicatorId, RecordView>,
  self: Self,
): WhyAnswer {
  const asked = value.trim().toLowerCase();
  const matches = controls.flatMap((control) =>
    [...vaccinations.active(control.name).values()].flatMap((vaccination): readonly WhyMatch[] => {
      const record = records.get(vaccination.indicator);
      const compiled =
        record === undefined ? undefined : control.compile(record.form, vaccination.action, self);
      const isCompiled = compiled !== undefined && !("refused" in compiled);
      const blocks = isCompiled ? compiled.blocks : [];
      const place = placeOf(asked, vaccination.indicator, record, blocks);
      if (place === undefined) return [];
      const name = record?.name ?? vaccination.indicator;
      const consequences = isCompiled ? compiled.consequences : [];
      const { indicator, action, statement } = vaccination;
      return [{ indicator, name, control: control.name, action, statement, place, blocks, consequences }];
    }),
  );
  return { value, us: matches.some(({ blocks }) => blocks.length > 0), matches };
}

function placeOf(
  asked: string,
  indicator: IndicatorId,
  record: RecordView | undefined,
  blocks: readonly TrafficSet[],
): WhyMatch["place"] | undefined {
  if (asked === indicator) return "indicator";
  for (const block of blocks) {
    if (holds(block.sources, asked)) return "source";
    if (holds(block.destinations, asked)) return "destination";
    if (block.names?.some((name) => asked === name || asked.endsWith(`.${name}`))) return "name";
  }
  const isSame = record?.form.form === "observable" && record.form.observable.value === asked;
  return isSame ? "indicator" : undefined;
}

function holds(side: readonly string[], asked: string): boolean {
  const range = parseRange(asked);
  if (range === undefined) return false;
  return side.some((text) => {
    const own = text === "any" ? undefined : parseRange(text);
    return own !== undefined && overlaps(own, range);
  });
}
