import { describe } from "vitest";
import { testRefusals, type RefusalRow as Row } from "../testkit/refusals.ts";

const MEMBERSHIP: readonly Row[] = [
  [
    "to join twice",
    (e) => e.connect("web", { network: "front" }),
    {
      code: "conflict",
      field: "network",
      value: "front",
      message: "endpoint with name web already exists in network front",
    },
  ],
  [
    "to join what is not there",
    (e) => e.connect("web", { network: "nowhere" }),
    { code: "not_found", field: "network", value: "nowhere", message: "network nowhere not found" },
  ],
  [
    "nobody to join",
    (e) => e.connect("nobody", { network: "front" }),
    { code: "not_found", field: "sandbox", value: "nobody", message: "sandbox nobody not found" },
  ],
  [
    "to join host",
    (e) => e.connect("web", { network: "host" }),
    {
      code: "invalid",
      field: "network",
      message: "cannot connect container to host network - container must be created in host network mode",
    },
  ],
  [
    "to join none beside others",
    (e) => e.connect("web", { network: "none" }),
    { code: "invalid", field: "network", message: "one of the networks in private (none) mode" },
  ],
  [
    "to join from none",
    (e) => e.connect("alone", { network: "front" }),
    { code: "invalid", field: "network", message: "one of the networks in private (none) mode" },
  ],
  [
    "to join from the host's network",
    (e) => e.connect("hosted", { network: "front" }),
    {
      code: "invalid",
      field: "network",
      message: "sharing network namespace with another container or host cannot be connected",
    },
  ],
  [
    "a taken link name",
    (e) => e.connect("web", { network: "plan", interfaceName: "eth0" }),
    { code: "conflict", field: "interfaceName", value: "eth0", message: "has a link named eth0 already" },
  ],
  [
    "a taken address",
    (e) => e.connect("web", { network: "plan", ipv4: "10.5.0.9" }),
    { code: "conflict", field: "ipv4", value: "10.5.0.9", message: "ipv4: 10.5.0.9 is taken" },
  ],
  [
    "to leave where one is not",
    (e) => e.disconnect("web", "plan"),
    {
      code: "not_found",
      field: "network",
      value: "plan",
      message: "container web is not connected to network plan",
    },
  ],
  [
    "to leave the host's network",
    (e) => e.disconnect("hosted", "host"),
    { code: "invalid", field: "network", message: "cannot disconnect container from host network" },
  ],
];

describe("membership", () => {
  testRefusals(MEMBERSHIP);
});
