import type { HealthView } from "../../api.ts";
import { clean, count } from "../output.ts";
import type { Result } from "../program.ts";

/** The one line an operator reads in passing. */
export function showStatus(health: HealthView): Result {
  const residual = health.warned + health.watched;
  const { reachable, lagBlocks } = health.chain;
  const lag = reachable ? count(lagBlocks ?? 0, "block") : "chain unreachable";
  const connected = health.peers.filter((peer) => peer.connected).length;
  return {
    json: health,
    raw: [
      `armed=${health.armed}`,
      `warned=${health.warned}`,
      `awaitingMe=${health.awaitingMe}`,
      `residual=${residual}`,
      `lagBlocks=${reachable ? (lagBlocks ?? 0) : "unreachable"}`,
    ],
    human: ({ good, bad }) => {
      const line = [
        `Plant ${clean(health.plant)}`,
        health.armed ? good("armed") : bad("not armed"),
        `protected ${health.protected}`,
        `warned ${health.warned}`,
        health.awaitingMe > 0 ? bad(`awaiting you ${health.awaitingMe}`) : "awaiting you 0",
        `residual ${residual}`,
        `lag ${lag}`,
        `peers ${connected}/${health.peers.length}`,
        ...health.alarms.map(({ code }) => bad(`! ${clean(code)}`)),
      ];
      return line.join(" · ");
    },
  };
}
