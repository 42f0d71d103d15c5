import { expect, test } from "vitest";
import { dockerAsk, errorMessage } from "../../testkit/docker-api.ts";
import { startApi } from "../../testkit/api-server.ts";

test.each(["GET", "HEAD"])("%s /_ping tells the version, without and below /v1.44", async (method) => {
  await using running = await startApi();
  for (const path of ["/_ping", "/v1.44/_ping"]) {
    const answer = await dockerAsk(running, { method, path });
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(method === "GET" ? "OK" : "");
    expect(answer.headers).toMatchObject({
      "api-version": "1.50",
      ostype: "linux",
      "docker-experimental": "false",
      server: "Docker/0.0.0-test (linux)",
      swarm: "inactive",
    });
  }
});

test.each([
  ["1.99", "client version 1.99 is too new. Maximum supported API version is 1.50"],
  ["2.0", "client version 2.0 is too new. Maximum supported API version is 1.50"],
  [
    "1.9",
    "client version 1.9 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version",
  ],
  [
    "1.43",
    "client version 1.43 is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version",
  ],
])("API version %s is refused in Docker's words", async (version, message) => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { path: `/v${version}/networks` });
  expect(answer).toMatchObject({ status: 400, text: `${JSON.stringify({ message })}\n` });
});

test.each(["/networks", "/networks/", "/v1.44/networks", "/v1.50/networks/"])(
  "GET %s lists networks, without members, as JSON without a charset",
  async (path) => {
    await using running = await startApi();
    const answer = await dockerAsk(running, { path });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    const [network] = JSON.parse(answer.text) as [object];
    expect(Object.keys(network)).toEqual([
      "Name",
      "Id",
      "Created",
      "Scope",
      "Driver",
      "EnableIPv4",
      "EnableIPv6",
      "IPAM",
      "Internal",
      "Attachable",
      "Ingress",
      "ConfigFrom",
      "ConfigOnly",
      "Containers",
      "Options",
      "Labels",
    ]);
    expect(network).toMatchObject({ Name: "backend", Containers: {} });
  },
);

test("an inspected network shows who is on it", async () => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { path: "/networks/backend" });
  const { Containers } = JSON.parse(answer.text) as { Containers: Record<string, object> };
  expect(Object.values(Containers)).toEqual([
    expect.objectContaining({ Name: "web", IPv4Address: "10.5.0.7/24", IPv6Address: "" }),
  ]);
});

test.each([
  ["GET", "/"],
  ["GET", "/v1.50/"],
  ["GET", "/nothing"],
  ["PATCH", "/networks"],
  ["GET", "/v1.50/nothing/at/all"],
  ["GET", "/vx/networks"],
])("%s %s is an unknown page", async (method, path) => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { method, path });
  expect(answer).toMatchObject({ status: 404, text: '{"message":"page not found"}\n' });
  expect(answer.headers).toMatchObject({ "content-type": "application/json", "api-version": "1.50" });
});

test("a URL that cannot be read is refused in Docker's shape", async () => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { path: "/networks/%zz" });
  expect(answer.status).toBe(400);
  expect(errorMessage(answer)).toContain("invalid URL escape");
});

test("a network that is not there", async () => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { path: "/networks/nope" });
  expect(answer.status).toBe(404);
  expect(errorMessage(answer)).toBe("network nope not found");
});

test("the server's version has what the docker client shows", async () => {
  await using running = await startApi();
  const answer = await dockerAsk(running, { path: "/version" });
  expect(JSON.parse(answer.text)).toMatchObject({
    Version: "0.0.0-test",
    ApiVersion: "1.50",
    MinAPIVersion: "1.44",
    Os: "linux",
    Components: [{ Name: "Engine", Version: "0.0.0-test" }],
  });
});
