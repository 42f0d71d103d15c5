// A name server for the packet tests; plain JavaScript so that any Node runs it. By UDP and TCP:
//   dns-server.mjs ADDRESS ANSWER [PORT]
// `who.*` has the address of whoever asks for an A record, every other name has ANSWER, `refused.*` is REFUSED; there are no
// records of other types. Prints "ready", then one line a question.
import dgram from "node:dgram";
import net from "node:net";

const [, , address, answer, port = "53"] = process.argv;
const A = 1;
const REFUSED = 5;

function reply(query, peer) {
  let at = 12;
  const labels = [];
  while (query[at] !== 0) {
    labels.push(query.subarray(at + 1, at + 1 + query[at]).toString("latin1"));
    at += 1 + query[at];
  }
  const type = query.readUInt16BE(at + 1);
  const question = query.subarray(12, at + 5);
  const found = type === A && labels[0] !== "refused";
  console.log(`${labels.join(".")} ${type} ${peer}`);
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | (labels[0] === "refused" ? REFUSED : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(found ? 1 : 0, 6);
  const ip = labels[0] === "who" ? peer.replace("::ffff:", "") : answer;
  const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 0, 0, 4, ...ip.split(".").map(Number)]);
  return Buffer.concat(found ? [head, question, record] : [head, question]);
}

const udp = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
udp.on("message", (query, peer) => udp.send(reply(query, peer.address), peer.port, peer.address));
const tcp = net.createServer((socket) => {
  socket.on("error", () => undefined);
  socket.on("data", (data) => {
    const message = reply(data.subarray(2), socket.remoteAddress);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.end(Buffer.concat([length, message]));
  });
});
udp.bind(Number(port), address, () => tcp.listen(Number(port), address, () => console.log("ready")));
