import { describe, expect, test } from "vitest";
import { exposedMappings } from "./expose.ts";
import { parsePublish } from "./publish.ts";

function added(expose: readonly string[], publish: readonly string[] = []): string[] {
  const wishes = publish.map((text) => parsePublish(text, "publish"));
  return exposedMappings({ expose, publishAll: true }, wishes).map(
    ({ containerPort, count, protocol, hostPort }) =>
      `${hostPort ?? ""}:${containerPort}+${count}/${protocol}`,
  );
}

describe("exposedMappings()", () => {
  test.each<[readonly string[], readonly string[], readonly string[]]>([
    [["80"], [], [":80+1/tcp"]],
    [["80", "53/UDP", "90/sctp"], [], [":80+1/tcp", ":53+1/udp", ":90+1/sctp"]],
    [["80-82"], [], [":80+1/tcp", ":81+1/tcp", ":82+1/tcp"]],
    [["80-82", "81"], ["8080:80"], [":81+1/tcp", ":82+1/tcp"]],
    [["80"], ["8080:80/udp"], [":80+1/tcp"]],
    [["80", "85"], ["9000-9009:80-89"], []],
  ])("%j beside %j adds %j", (expose, publish, expected) => {
    expect(added(expose, publish)).toEqual(expected);
  });

  test("adds nothing unless told to", () => {
    expect(exposedMappings({ expose: ["80"] }, [])).toEqual([]);
    expect(exposedMappings({}, [])).toEqual([]);
  });

  test.each(["", "http", "0", "65536", "9-8", "80/icmp", "8080:80"])("refuses %j", (text) => {
    const refused = expect.objectContaining({ code: "invalid", field: "expose[1]" }) as Error;
    expect(() => exposedMappings({ expose: ["80", text] }, [])).toThrow(refused);
  });

  test("refuses to publish all of nothing", () => {
    expect(() => added([])).toThrow("publishAll: no port is exposed: name what to publish in expose");
  });
});
