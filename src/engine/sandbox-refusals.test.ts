import { describe } from "vitest";
import { testRefusals, type RefusalRow as Row } from "../testkit/refusals.ts";
import type { Engine } from "./contract.ts";

const sandbox =
  (request: Parameters<Engine["createSandbox"]>[0]): Row[1] =>
  (engine) =>
    engine.createSandbox(request);
const SANDBOXES: readonly Row[] = [
  [
    "a name with a slash",
    sandbox({ name: "a/b" }),
    { code: "invalid", field: "name", value: '"a/b"', message: "is not valid" },
  ],
  [
    "a taken name",
    sandbox({ name: "web" }),
    {
      code: "conflict",
      field: "name",
      value: "web",
      message: 'name: "web" is already in use by sandbox',
      remedy: "choose another name, or remove that sandbox",
    },
  ],
  [
    "a port that is none",
    sandbox({ publish: ["80", "http:80"] }),
    { code: "invalid", field: "publish[1]", value: '"http:80"', message: "ports are whole numbers" },
  ],
  [
    "a port of another sandbox",
    sandbox({ publish: ["8080:80"] }),
    {
      code: "conflict",
      field: "publish[0]",
      value: "0.0.0.0:8080",
      message: "publish[0]: port 0.0.0.0:8080/tcp is already published by sandbox web",
      remedy: "publish another port",
    },
  ],
  [
    "a port of another process",
    sandbox({ publish: ["81:81", "53:53/udp"] }),
    {
      code: "conflict",
      field: "publish[1]",
      message: "is held by nginx (pid 7)",
      remedy: "publish another port",
    },
  ],
  [
    "a port in a range of another sandbox",
    sandbox({ publish: ["9001:9001/udp"] }),
    { code: "conflict", field: "publish[0]", message: "already published by sandbox app" },
  ],
  [
    "an address the sandbox has no use for",
    sandbox({ publish: ["80", "[fd00::1]:80:80/sctp"], networks: [{ network: "plan" }] }),
    {
      code: "invalid",
      field: "publish[1]",
      value: "fd00::1",
      message: "the sandbox has no IPv6 address",
      remedy: "join a network with IPv6, or publish on an IPv4 address",
    },
  ],
  [
    "a host name that is none",
    sandbox({ hostname: "a_b" }),
    { code: "invalid", field: "hostname", value: '"a_b"', message: "write labels of letters" },
  ],
  [
    "a server that is none",
    sandbox({ dns: { servers: ["one.one"] } }),
    { code: "invalid", field: "dns.servers[0]", message: "is not an IP address" },
  ],
  [
    "the embedded resolver as its own server",
    sandbox({ dns: { servers: ["9.9.9.9", "127.0.0.11"] } }),
    { code: "invalid", field: "dns.servers[1]", message: "write the server that it is to ask" },
  ],
  [
    "a link without a name",
    sandbox({ networks: [{ network: "front", links: ["db", ":database"] }] }),
    { code: "invalid", field: "networks[0].links[1]", message: "write letters, digits" },
  ],
  [
    "two links of one name",
    sandbox({ networks: [{ network: "front", links: ["db:x", "web:X"] }] }),
    { code: "invalid", field: "networks[0].links[1]", message: "x stands for db already" },
  ],
  [
    "a link where there are no names",
    sandbox({ networks: [{ network: "bridge", links: ["db"] }] }),
    { code: "invalid", field: "networks[0].links[0]", message: "has no names" },
  ],
  [
    "a search domain that is none",
    sandbox({ dns: { search: ["a b"] } }),
    { code: "invalid", field: "dns.search[0]", message: "write a domain name" },
  ],
  [
    "an option of no resolver",
    sandbox({ dns: { options: ["a\nnameserver 6.6.6.6"] } }),
    { code: "invalid", field: "dns.options[0]", message: "write an option of resolv.conf(5)" },
  ],
  [
    "an extra host without address",
    sandbox({ extraHosts: ["db"] }),
    { code: "invalid", field: "extraHosts[0]", message: "write NAME:IP" },
  ],
  [
    "an extra host with a bad address",
    sandbox({ extraHosts: ["db:10.0"] }),
    { code: "invalid", field: "extraHosts[0]", message: "is not an IP address" },
  ],
  [
    "an extra host that would hide a line",
    sandbox({ extraHosts: ["a#b:10.0.0.1"] }),
    { code: "invalid", field: "extraHosts[0]", message: "extraHosts[0]" },
  ],
  [
    "a sysctl of the machine",
    sandbox({ sysctls: { "kernel.panic": "1" } }),
    { code: "invalid", field: "sysctls.kernel.panic", message: "only sysctls of the network namespace" },
  ],
  [
    "sysctls of the host",
    sandbox({ networks: [{ network: "host" }], sysctls: { "net.ipv4.ip_forward": "0" } }),
    {
      code: "forbidden",
      field: "sysctls.net.ipv4.ip_forward",
      value: "0",
      message: "would change the host's own settings",
      remedy: "choose another network",
    },
  ],
  [
    "a namespace that is none",
    sandbox({ netns: { path: "/etc/passwd" } }),
    { code: "invalid", field: "netns.path", value: "/etc/passwd", message: "is no network namespace" },
  ],
  [
    "a relative path",
    sandbox({ netns: { path: "run/netns/x" } }),
    { code: "invalid", field: "netns.path", message: "write an absolute path" },
  ],
  [
    "a pid that is none",
    sandbox({ netns: { pid: 0 } }),
    { code: "invalid", field: "netns.pid", message: "write the id of a process" },
  ],
  [
    "a namespace on the host network",
    sandbox({ networks: [{ network: "host" }], netns: { path: "/run/netns/x" } }),
    { code: "invalid", field: "netns", message: "has no namespace of its own" },
  ],
  [
    "no command",
    sandbox({ process: { command: [], env: [] } }),
    { code: "invalid", field: "process.command", message: "write the program" },
  ],
  [
    "an environment entry without a name",
    sandbox({ process: { command: ["a"], env: ["=x"] } }),
    { code: "invalid", field: "process.env[0]", message: "write NAME=value" },
  ],
  [
    "a relative directory",
    sandbox({ process: { command: ["a"], env: [], workingDir: "tmp" } }),
    { code: "invalid", field: "process.workingDir", message: "write an absolute path" },
  ],
  [
    "to remove what runs",
    (e) => e.removeSandbox("web", { force: false }),
    { code: "in_use", message: "sandbox web is running (pid", remedy: "stop it first, or force its removal" },
  ],
  [
    "to remove what is not there",
    (e) => e.removeSandbox("nobody", { force: true }),
    { code: "not_found", field: "sandbox", value: "nobody", message: "sandbox nobody not found" },
  ],
  [
    "a second process",
    (e) => e.startProcess("web", { command: ["a"], env: [] }),
    { code: "in_use", message: "sandbox web runs a process already", remedy: "stop it first" },
  ],
  [
    "a process that is none",
    (e) => e.adoptProcess("alone", { pid: 1, spec: { command: ["a"], env: [] } }),
    { code: "not_found", field: "pid", value: "1", message: "there is no process 1" },
  ],
];

describe("sandboxes", () => {
  testRefusals(SANDBOXES);
});
