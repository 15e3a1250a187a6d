/* The process of one plant: a tank with an inlet valve, an outlet and a controller that keeps its level. */

/** Where the level belongs, m. */
export const BAND = { low: 0.8, high: 1.2 } as const;
/** High-high, where an independent trip would act, and the rim, m. */
export const HIGH_HIGH_M = 1.5;
export const RIM_M = 2;
/** One step of the process, s. */
export const STEP_S = 0.1;

/** The tank and what its controller is told. */
export interface Tank {
  /** Level, m, 0 to 2. */
  readonly levelM: number;
  /** Opening of the inlet valve, 0 to 1. */
  readonly valve: number;
  /** Set point, m. */
  readonly setPointM: number;
  readonly isManual: boolean;
  /** The valve's opening while the mode is manual, 0 to 1. */
  readonly manualValve: number;
  readonly isOutletOpen: boolean;
}

/** At rest at its set point. */
export const AT_REST: Tank = {
  levelM: 1,
  valve: 0.02 / 0.06,
  setPointM: 1,
  isManual: false,
  manualValve: 0,
  isOutletOpen: true,
};

/** Inflow at full opening and outflow at 1 m of level, m³/s; the tank has 1 m² of ground. */
const INFLOW = 0.06;
const OUTFLOW = 0.02;
const GAIN = 2;

/** The tank one step later: h' = 0.06·u − 0.02·√h·c; in automatic u = outflow/0.06 + 2·(set point − h), 0 to 1. */
export function step(tank: Tank): Tank {
  const outflow = tank.isOutletOpen ? OUTFLOW * Math.sqrt(tank.levelM) : 0;
  const wanted = tank.isManual ? tank.manualValve : outflow / INFLOW + GAIN * (tank.setPointM - tank.levelM);
  const valve = between(wanted, 0, 1);
  return { ...tank, valve, levelM: between(tank.levelM + (INFLOW * valve - outflow) * STEP_S, 0, RIM_M) };
}

function between(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
