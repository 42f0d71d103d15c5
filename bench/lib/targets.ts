import type { LevelReport } from "./report.ts";

/** One of the project's promises, and what came of it. */
export interface Verdict {
  readonly target: string;
  readonly met: boolean;
  readonly figures: string;
}

const TIMES_FLOOR = 2;
const FLAT = 1.25;

export function judge(levels: readonly LevelReport[]): Verdict[] {
  const attach = levels.map(({ endpoints, here, rows }) => {
    const row = rows.find(({ operation }) => operation === "attach");
    return {
      endpoints,
      full: here === 1000,
      floor: row?.floor?.median ?? Number.NaN,
      engine: row?.engine?.median ?? Number.NaN,
    };
  });
  const ratios = attach.map(({ floor, engine }) => engine / floor);
  // Adding a port to a bridge, the kernel walks the list of its ports (br_add_if): a full network is another matter.
  const [first, last] = [attach[0], attach.findLast(({ full }) => !full)];
  const growth = (last?.engine ?? Number.NaN) / (first?.engine ?? Number.NaN);
  const floorGrowth = (last?.floor ?? Number.NaN) / (first?.floor ?? Number.NaN);
  return [
    {
      target: `attach at most ${TIMES_FLOOR}× the kernel floor`,
      met: ratios.every((ratio) => ratio <= TIMES_FLOOR),
      figures: attach
        .map(
          ({ endpoints, full }, i) =>
            `${ratios[i]?.toFixed(2)}× at ${full ? "1000 on one network" : endpoints}`,
        )
        .join(", "),
    },
    {
      target: `attach flat, at most ${FLAT}× from ${first?.endpoints} to ${last?.endpoints} endpoints`,
      met: growth <= FLAT,
      figures: `${growth.toFixed(2)}× (the floor itself ${floorGrowth.toFixed(2)}×)`,
    },
  ];
}
