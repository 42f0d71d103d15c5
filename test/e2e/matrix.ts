import type { GatewayMode } from "../../src/plan/firewall/index.ts";

/** Who asks. `other bridge` is a member of an ordinary network beside it. */
export const ASKERS = ["same bridge", "other bridge", "host", "outside"] as const;
export type Asker = (typeof ASKERS)[number];

/** How a port of a sandbox is asked for. */
export const WAYS = [
  "by the host's port",
  "published, at its own address",
  "unpublished, at its own address",
] as const;

/** For each of the ways, in their order, its letter where it leads to the sandbox. */
type Open = `${"h" | "-"}${"p" | "-"}${"u" | "-"}`;

interface Row {
  readonly asker: readonly Asker[];
  readonly mode: readonly GatewayMode[];
  readonly internal: boolean;
  readonly icc: readonly boolean[];
  readonly open: Open;
}

const ANY: readonly GatewayMode[] = ["nat", "nat-unprotected", "routed", "isolated"];
const BOTH = [true, false];

/**
 * Who reaches what of a sandbox on a bridge network, for both families alike: docker-engine's gateway modes. There is one row for
 * each network and asker.
 */
// oxfmt-ignore
export const ROWS: readonly Row[] = [
  { asker: ["same bridge"], mode: ["nat", "nat-unprotected"], internal: false, icc: [true], open: "hpu" },
  { asker: ["same bridge"], mode: ["routed"], internal: false, icc: [true], open: "-pu" },
  { asker: ["same bridge"], mode: ANY, internal: true, icc: [true], open: "-pu" },
  // Without ICC members are to each other what strangers are, but for what nat-unprotected opens to strangers.
  { asker: ["same bridge"], mode: ["nat", "nat-unprotected"], internal: false, icc: [false], open: "h--" },
  { asker: ["same bridge"], mode: ["routed"], internal: false, icc: [false], open: "-p-" },
  { asker: ["same bridge"], mode: ANY, internal: true, icc: [false], open: "---" },
  { asker: ["other bridge", "outside"], mode: ["nat"], internal: false, icc: BOTH, open: "h--" },
  { asker: ["other bridge", "outside"], mode: ["nat-unprotected"], internal: false, icc: BOTH, open: "hpu" },
  { asker: ["other bridge", "outside"], mode: ["routed"], internal: false, icc: BOTH, open: "-p-" },
  { asker: ["other bridge", "outside"], mode: ANY, internal: true, icc: BOTH, open: "---" },
  { asker: ["host"], mode: ["nat", "nat-unprotected"], internal: false, icc: BOTH, open: "hpu" },
  { asker: ["host"], mode: ["routed"], internal: false, icc: BOTH, open: "-pu" },
  { asker: ["host"], mode: ["nat", "nat-unprotected", "routed"], internal: true, icc: BOTH, open: "-pu" },
  { asker: ["host"], mode: ["isolated"], internal: true, icc: BOTH, open: "---" },
];

/** One network of the matrix. */
export interface Spec {
  readonly mode4: GatewayMode;
  readonly mode6: GatewayMode;
  readonly internal: boolean;
  readonly icc: boolean;
}

/** Each mode once a family, never the same for both, so that what one family is told does not show in the other. */
export const SPECS: readonly Spec[] = [false, true].flatMap((internal) => {
  const modes = ANY.filter((mode) => internal || mode !== "isolated");
  return BOTH.flatMap((icc) =>
    modes.map((mode4, i) => ({ mode4, mode6: modes[(i + 1) % modes.length] as GatewayMode, internal, icc })),
  );
});

export interface Cell {
  readonly spec: Spec;
  readonly family: 4 | 6;
  readonly mode: GatewayMode;
  readonly asker: Asker;
  /** Index in WAYS. */
  readonly way: number;
  readonly isOpen: boolean;
}

/** Every cell, from the rows. Throws for a cell that no row, or more than one, says something of. */
export function cells(): Cell[] {
  return SPECS.flatMap((spec) =>
    ([4, 6] as const).flatMap((family) =>
      ASKERS.flatMap((asker) => {
        const mode = family === 4 ? spec.mode4 : spec.mode6;
        const rows = ROWS.filter(
          (row) =>
            row.asker.includes(asker) &&
            row.mode.includes(mode) &&
            row.internal === spec.internal &&
            row.icc.includes(spec.icc),
        );
        const [row] = rows;
        if (row === undefined || rows.length > 1) {
          throw new Error(`${rows.length} rows for ${asker}, ${mode}, ${JSON.stringify(spec)}`);
        }
        return WAYS.map((_, way) => ({ spec, family, mode, asker, way, isOpen: row.open[way] !== "-" }));
      }),
    ),
  );
}
