/** A plant's Self and records, as tests of immunity need them. */
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type {
  ActionClass,
  IndicatorForm,
  ModbusBehaviour,
  Observable,
  Self,
  Status,
  StatusName,
} from "@anamnesis/sdk/core/types";
import type { RecordView } from "../../../node/src/state/record.ts";

/** 2026-03-01T00:00:00Z: every test's beginning of time. */
export const START_MS = Date.UTC(2026, 2, 1);
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Plant B of the recordings. */
export const SELF: Self = {
  assets: [
    { name: "controller", addresses: ["10.2.2.10"] },
    { name: "hmi", addresses: ["10.2.2.20"] },
    { name: "historian", addresses: ["10.2.2.40"] },
    { name: "gateway", addresses: ["10.2.5.80"] },
  ],
  domains: ["plant.example"],
  roles: {
    otNetwork: ["10.2.2.0/24"],
    writers: ["10.2.2.20", "10.2.2.30"],
    controllers: ["10.2.2.10"],
  },
  services: [{ name: "vendor", addresses: ["198.51.100.10"], domains: ["vendor.example"] }],
  files: ["ab".repeat(32)],
  confirmedAtMs: START_MS,
};

export const BEHAVIOUR: ModbusBehaviour = {
  class: "modbus-write-by-non-writer",
  protocol: "modbus",
  functions: [6],
  table: "holding",
  roles: ["non-writer", "controller"],
};

export const conduct: IndicatorForm = { form: "behaviour", behaviour: BEHAVIOUR };

export function observable(value: string, kind: Observable["kind"] = "ipv4-addr"): IndicatorForm {
  return { form: "observable", observable: { kind, value } };
}

export function statusOf(name: StatusName, disputed = false): Status {
  return { name, disputed, supports: name === "attested" ? 3 : 1, witnesses: 1, refutes: disputed ? 1 : 0 };
}

/** A record: attested with an attested response to block, unless told otherwise. */
export function recordOf(
  form: IndicatorForm,
  change: Partial<RecordView> & { action?: ActionClass; status?: StatusName; disputed?: boolean } = {},
): RecordView {
  const { action = "block", status = "attested", disputed = false, ...rest } = change;
  return {
    indicator: indicatorId(toPattern(form)),
    name: form.form === "observable" ? form.observable.value : form.behaviour.class,
    form,
    class: form.form === "observable" ? "observable" : form.behaviour.class,
    response: { action },
    indicatorStatus: statusOf(status, disputed),
    responseStatus: statusOf(status),
    recorded: false,
    validUntilMs: START_MS + 30 * DAY_MS,
    ...rest,
  };
}
