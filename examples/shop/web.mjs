// The shop's front: shows what the api knows, and at /status whom it can reach.
import { createServer, get } from "node:http";
import { lookup } from "node:dns/promises";
import { connect } from "node:net";

const api = process.env.API_URL ?? "http://api:3000";

function fetchJson(path) {
  return new Promise((resolve, reject) => {
    const request = get(`${api}${path}`, { timeout: 3000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => {
        text += piece;
      });
      response.on("end", () => resolve(JSON.parse(text)));
    });
    request.on("timeout", () => request.destroy(new Error("api does not answer")));
    request.on("error", reject);
  });
}

function canConnect(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, family: 4 });
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => end("no answer"));
    socket.on("connect", () => end("reached"));
    socket.on("error", (error) => end(error.code));
  });
}

/** What works is "reached"; all else says why not. */
async function status() {
  const viaApi = await fetchJson("/products").then(
    () => "reached",
    (error) => String(error),
  );
  const { store } = await fetchJson("/where").catch(() => ({ store: undefined }));
  return {
    api: viaApi,
    "store by name": await lookup("store").then(
      () => "resolved",
      (error) => error.code,
    ),
    "store by address": store === undefined ? "unknown" : `${store}: ${await canConnect(store, 6000)}`,
  };
}

async function shop() {
  const products = await fetchJson("/products");
  return products.map(
    ({ name, price, left }) => `${name.padEnd(8)} ${(price / 100).toFixed(2)}  (${left} left)`,
  );
}

createServer(async (request, response) => {
  try {
    if (request.url === "/status") {
      response.setHeader("content-type", "application/json");
      response.end(`${JSON.stringify(await status(), null, 2)}\n`);
    } else {
      response.setHeader("content-type", "text/plain; charset=utf-8");
      response.end(`The shop has:\n${(await shop()).join("\n")}\n`);
    }
  } catch (error) {
    response.statusCode = 502;
    response.end(`the shop is closed: ${error}\n`);
  }
}).listen(80, () => console.log("web listens on port 80"));
