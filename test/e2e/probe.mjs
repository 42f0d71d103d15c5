// Talks and listens, for the packet tests; plain JavaScript so that any Node runs it.
//   probe.mjs serve tcp|udp ADDRESS PORT NAME   answers "NAME <peer address>" to everybody; prints "ready"
//   probe.mjs ask tcp|udp ADDRESS PORT          prints the answer; exit 1 when there is none within 1.5 s
//   probe.mjs reach ADDRESS PORT ...            prints true or false for each pair, in order, by TCP: whether an answer comes
//                                               within 1.5 s
//   probe.mjs stream ADDRESS PORT               sends a number every 20 ms and expects it back; prints a line on each
//                                               failure, "ok N" on SIGTERM
//   probe.mjs talk ADDRESS PORT                 sends a datagram every 20 ms from one socket; prints each answer that is not
//                                               the one before
import dgram from "node:dgram";
import net from "node:net";

const [, , verb, ...args] = process.argv;
const GIVE_UP_MS = 1500;

if (verb === "serve") {
  const [protocol, address, port, name] = args;
  if (protocol === "tcp") {
    const server = net.createServer((socket) => {
      socket.on("error", () => undefined);
      socket.write(`${name} ${socket.remoteAddress}\n`);
      socket.on("data", (data) => socket.write(data));
    });
    server.listen(Number(port), address, () => console.log("ready"));
  } else {
    const socket = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.on("message", (_, peer) => socket.send(`${name} ${peer.address}\n`, peer.port, peer.address));
    socket.bind(Number(port), address, () => console.log("ready"));
  }
} else if (verb === "ask") {
  const [protocol, address, port] = args;
  const fail = (why) => {
    console.error(why);
    process.exit(1);
  };
  setTimeout(() => fail("no answer"), GIVE_UP_MS);
  const got = (data) => {
    process.stdout.write(String(data));
    process.exit(0);
  };
  if (protocol === "tcp") {
    const socket = net.connect({ host: address, port: Number(port) });
    socket.once("data", got);
    socket.once("error", (error) => fail(error.code ?? error.message));
    socket.once("end", () => fail("closed"));
  } else {
    const socket = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
    socket.once("message", got);
    socket.once("error", (error) => fail(error.code ?? error.message));
    socket.connect(Number(port), address, () => socket.send("?"));
  }
} else if (verb === "reach") {
  const answers = (host, port) =>
    new Promise((resolve) => {
      const socket = net.connect({ host, port: Number(port) });
      const end = (answered) => {
        socket.destroy();
        resolve(answered);
      };
      setTimeout(end, GIVE_UP_MS, false);
      socket.once("data", () => end(true));
      for (const event of ["error", "end"]) socket.once(event, () => end(false));
    });
  const pairs = args.flatMap((host, i) => (i % 2 === 0 ? [answers(host, args[i + 1])] : []));
  console.log((await Promise.all(pairs)).join("\n"));
  process.exit(0);
} else if (verb === "talk") {
  const [address, port] = args;
  const socket = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
  let last = "";
  socket.on("message", (data) => {
    if (String(data) !== last) process.stdout.write(data);
    last = String(data);
  });
  // A port that nobody has is answered by an error now and then.
  socket.on("error", () => undefined);
  socket.bind(0, () => {
    console.log("ready");
    setInterval(() => socket.send("?", Number(port), address), 20);
  });
} else if (verb === "stream") {
  const [address, port] = args;
  const socket = net.connect({ host: address, port: Number(port) });
  let sent = 0;
  let text = "";
  let greeted = false;
  socket.setEncoding("utf8");
  socket.on("data", (data) => {
    text += data;
    if (!greeted && text.includes("\n")) {
      greeted = true;
      text = text.slice(text.indexOf("\n") + 1);
      console.log("ready");
      setInterval(() => socket.write(`${++sent}\n`), 20);
    }
  });
  const broken = (why) => {
    console.log(`broken after ${sent}: ${why}`);
    process.exit(1);
  };
  socket.on("error", (error) => broken(error.code));
  socket.on("close", () => broken("closed"));
  process.on("SIGTERM", () => {
    const back = text.trim().split("\n").length;
    console.log(sent - back <= 2 ? `ok ${back}` : `broken: ${sent - back} of ${sent} did not come back`);
    process.exit(0);
  });
}
