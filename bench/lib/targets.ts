import type { LevelReport } from "./report.ts";
import type { Operation } from "./subject.ts";

/** One of the project's promises, and what came of it. */
export interface Verdict {
  readonly target: string;
  readonly met: boolean;
  readonly figures: string;
}

const TIMES_FLOOR = 2;
const FLAT = 1.25;

export function judge(levels: readonly LevelReport[]): Verdict[] {
  const attach = figuresOf(levels, "attach");
  // Adding a port to a bridge, the kernel walks the list of its ports (br_add_if): a full network is another matter.
  const [first, last] = [attach[0], attach.findLast(({ full }) => !full)];
  const growth = (last?.engine ?? Number.NaN) / (first?.engine ?? Number.NaN);
  const floorGrowth = (last?.floor ?? Number.NaN) / (first?.floor ?? Number.NaN);
  return [
    timesFloor("attach, after a rest", attach),
    timesFloor("attach, in a row", figuresOf(levels, "attach, in a row")),
    {
      target: `attach flat, at most ${FLAT}× from ${first?.endpoints} to ${last?.endpoints} endpoints`,
      met: growth <= FLAT,
      figures: `${growth.toFixed(2)}× (the floor itself ${floorGrowth.toFixed(2)}×)`,
    },
  ];
}

interface Figures {
  readonly endpoints: number;
  /** One network holds them all. */
  readonly full: boolean;
  readonly floor: number;
  readonly engine: number;
}

function figuresOf(levels: readonly LevelReport[], operation: Operation): Figures[] {
  return levels.map(({ endpoints, here, rows }) => {
    const row = rows.find((one) => one.operation === operation);
    return {
      endpoints,
      full: here === 1000,
      floor: row?.floor?.median ?? Number.NaN,
      engine: row?.engine?.median ?? Number.NaN,
    };
  });
}

function timesFloor(what: string, figures: readonly Figures[]): Verdict {
  const ratios = figures.map(({ floor, engine }) => engine / floor);
  const place = ({ endpoints, full }: Figures): string => (full ? "1000 on one network" : `${endpoints}`);
  return {
    target: `${what}: at most ${TIMES_FLOOR}× the kernel floor`,
    met: ratios.every((ratio) => ratio <= TIMES_FLOOR),
    figures: figures.map((one, i) => `${ratios[i]?.toFixed(2)}× at ${place(one)}`).join(", "),
  };
}
