import { expect, test } from "vitest";
import type { Ip } from "../../base/ip.ts";
import type { Blockade } from "../../model/firewall.ts";
import { formatRuleset } from "./format.ts";
import { blockadeElement, PARTITION_TABLES } from "./partition.ts";

const BLOCKADES: readonly Blockade[] = [
  { kind: "in", port: "ndv1" },
  { kind: "out", port: "ndv1" },
  { kind: "between", from: "ndv2", to: "ndv3" },
  { kind: "routed", from: "10.0.0.2" as Ip, to: "10.1.0.2" as Ip },
  { kind: "routed", from: "fd00::2" as Ip, to: "fd01::2" as Ip },
];

test("the tables as nft lists them", () => {
  const elements = BLOCKADES.map(blockadeElement);
  expect(PARTITION_TABLES.map((table) => formatRuleset(table, elements)).join("")).toMatchInlineSnapshot(`
    "table bridge netdock-partition {
    	comment "netdock: links that are cut, and groups that cannot reach each other"
    	set in {
    		type ifname
    		comment "ports that nothing comes in by"
    		elements = { "ndv1" }
    	}

    	set out {
    		type ifname
    		comment "ports that nothing goes out by"
    		elements = { "ndv1" }
    	}

    	set between {
    		type ifname . ifname
    		comment "from . to"
    		elements = { "ndv2" . "ndv3" }
    	}

    	chain prerouting {
    		type filter hook prerouting priority -200; policy accept;
    		iifname @in drop
    	}

    	chain forward {
    		type filter hook forward priority -200; policy accept;
    		iifname . oifname @between drop
    	}

    	chain postrouting {
    		type filter hook postrouting priority -200; policy accept;
    		oifname @out drop
    	}
    }
    table inet netdock-partition {
    	comment "netdock: groups that cannot reach each other by way of the host"
    	set routed4 {
    		type ipv4_addr . ipv4_addr
    		comment "from . to"
    		elements = { 10.0.0.2 . 10.1.0.2 }
    	}

    	set routed6 {
    		type ipv6_addr . ipv6_addr
    		elements = { fd00::2 . fd01::2 }
    	}

    	chain forward {
    		type filter hook forward priority 0; policy accept;
    		ip saddr . ip daddr @routed4 drop
    		ip6 saddr . ip6 daddr @routed6 drop
    	}
    }
    "
  `);
});
