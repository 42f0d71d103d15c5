// The shop's back end: asks the store by its name, and answers in JSON.
import { lookup } from "node:dns/promises";
import { createServer } from "node:http";
import { connect } from "node:net";

const store = process.env.STORE_HOST ?? "store";

function askStore(question) {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(6000, store, () => socket.write(`${question}\n`));
    socket.setEncoding("utf8");
    socket.setTimeout(2000, () => socket.destroy(new Error(`${store} does not answer`)));
    socket.on("data", (piece) => {
      text += piece;
    });
    socket.on("end", () => resolve(JSON.parse(text)));
    socket.on("error", reject);
  });
}

const routes = {
  "/products": () => askStore("products"),
  // Only so that web can try to reach the store past us.
  "/where": async () => ({ store: (await lookup(store, 4)).address }),
};

createServer(async (request, response) => {
  response.setHeader("content-type", "application/json");
  try {
    const answer = routes[request.url];
    response.statusCode = answer === undefined ? 404 : 200;
    response.end(`${JSON.stringify(answer === undefined ? { error: "no such page" } : await answer())}\n`);
  } catch (error) {
    response.statusCode = 502;
    response.end(`${JSON.stringify({ error: String(error) })}\n`);
  }
}).listen(3000, () => console.log("api listens on port 3000"));
