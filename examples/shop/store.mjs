// The shop's store: a TCP server that knows one word, and answers it with a line of JSON.
import { createServer } from "node:net";

const products = [
  { name: "apple", price: 30, left: 12 },
  { name: "bread", price: 250, left: 3 },
  { name: "cheese", price: 480, left: 7 },
];

createServer((socket) => {
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("data", (text) => {
    if (text.trim() === "products") socket.end(`${JSON.stringify(products)}\n`);
    else socket.end(`${JSON.stringify({ error: "say: products" })}\n`);
  });
}).listen(6000, () => console.log("store listens on port 6000"));
