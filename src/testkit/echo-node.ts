// A node of a system under test: sends back what it gets, and writes down from whom. PORT says where it listens.
import { createServer } from "node:net";
import { hostname } from "node:os";

const name = process.env["NAME"] ?? hostname();

createServer((socket) => {
  socket.on("error", (error) => console.log(`lost ${socket.remoteAddress}: ${error.message}`));
  socket.on("data", (bytes) => {
    console.log(`${bytes.length} bytes from ${socket.remoteAddress}`);
    socket.write(bytes);
  });
}).listen({ port: Number(process.env["PORT"]), host: "0.0.0.0" }, () => console.log(`${name} is listening`));
