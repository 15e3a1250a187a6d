/** The tank behind the controller: level in metres, set point and manual valve as the registers hold them. */
export interface Tank {
  levelM: number;
  valve: number;
  setPointMm: number;
  manual: boolean;
  manualValvePermille: number;
  outletOpen: boolean;
}

/** A tank at rest at 1 m, automatic, outlet open. */
export function restingTank(): Tank {
  return {
    levelM: 1,
    valve: 1 / 3,
    setPointMm: 1000,
    manual: false,
    manualValvePermille: 333,
    outletOpen: true,
  };
}

/** Advances the tank by `dtS` seconds: h' = 0.06·u − 0.02·√h·c0, proportional control with feed-forward. */
export function stepTank(tank: Tank, dtS: number): void {
  const outflow = tank.outletOpen ? 0.02 * Math.sqrt(tank.levelM) : 0;
  const automatic = outflow / 0.06 + 2 * (tank.setPointMm / 1000 - tank.levelM);
  const wanted = tank.manual ? tank.manualValvePermille / 1000 : automatic;
  tank.valve = Math.min(1, Math.max(0, wanted));
  tank.levelM = Math.min(2, Math.max(0, tank.levelM + (0.06 * tank.valve - outflow) * dtS));
}
