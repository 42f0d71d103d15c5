import type { FlagSpec } from "../spec.ts";

export const JSON_FLAG: FlagSpec = { flags: "--json", text: "print JSON for programs" };
export const QUIET_FLAG: FlagSpec = { flags: "-q, --quiet", text: "print ids only" };
export const NO_TRUNC_FLAG: FlagSpec = { flags: "--no-trunc", text: "do not shorten ids and commands" };

/** How a sandbox joins networks and what it publishes; `run` and `attach`. */
export const JOIN_FLAGS: readonly FlagSpec[] = [
  { flags: "--name <name>", text: "name of the sandbox (one is made up)" },
  {
    flags: "--network <network>",
    text: "network to join (bridge); several times for several; long form: name=NET,alias=A,link=NAME:ALIAS,ip=IP,ip6=IP,link-local-ip=IP,mac-address=MAC,gw-priority=N,ifname=NAME,driver-opt=KEY=VALUE",
    repeat: true,
    complete: "network",
  },
  { flags: "--network-alias <name>", text: "further name of the sandbox on its first network", repeat: true },
  {
    flags: "--link <name[:alias]>",
    text: "on its first network, call another sandbox by a name that only this one knows",
    repeat: true,
  },
  { flags: "--ip <ip>", text: "IPv4 address on the first network" },
  { flags: "--ip6 <ip>", text: "IPv6 address on the first network" },
  { flags: "--link-local-ip <ip>", text: "link-local address on the first network", repeat: true },
  { flags: "--mac-address <mac>", text: "MAC address on the first network" },
  {
    flags: "-p, --publish <ports>",
    text: "publish ports: [[HOST-IP:]HOST-PORT:]PORT[/PROTOCOL], ranges too; ,from=CIDR behind it lets in only these sources, and may be repeated",
    repeat: true,
  },
  {
    flags: "--expose <port>",
    text: "port that the sandbox serves: PORT[-LAST][/PROTOCOL]; published by -P",
    repeat: true,
  },
  { flags: "-P, --publish-all", text: "publish every exposed port at a free port of the host" },
  { flags: "--dns <ip>", text: "DNS server to ask instead of the host's", repeat: true },
  { flags: "--dns-search <domain>", text: "DNS search domain", repeat: true },
  { flags: "--dns-option <option>", text: "DNS option, like ndots:2", repeat: true },
  {
    flags: "--add-host <name:ip>",
    text: "line of /etc/hosts; the address host-gateway is the host",
    repeat: true,
  },
  { flags: "--sysctl <key=value>", text: "setting of the sandbox's network stack (net.…)", repeat: true },
  { flags: "-l, --label <key=value>", text: "label of the sandbox", repeat: true },
  { flags: "--label-file <file>", text: "file of labels, one a line", repeat: true, complete: "file" },
];

/** Where and with what a command runs; `run` and `exec`. */
export const PROCESS_FLAGS: readonly FlagSpec[] = [
  {
    flags: "-e, --env <name=value>",
    text: "environment variable; a name alone takes your value",
    repeat: true,
  },
  { flags: "--env-file <file>", text: "file of environment variables", repeat: true, complete: "file" },
  { flags: "-w, --workdir <folder>", text: "folder to start in (the current one)", complete: "directory" },
  { flags: "-i, --interactive", text: "always so in the foreground", hidden: true },
  { flags: "-t, --tty", text: "a terminal is passed through as it is", hidden: true },
];
