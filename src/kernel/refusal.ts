import { NetError } from "../base/errors.ts";
import { type Ack, ackError } from "../wire/netlink/ack.ts";
import { FEATURES } from "./capabilities.ts";
import { errnoWords } from "./errno.ts";
import type { RouteOp } from "./route-plan.ts";

/** A step that the kernel refused, in its own words, or in ours where it has none. */
export function refusal(op: RouteOp, ack: Ack): NetError {
  const subject = subjectOf(op);
  const error = ackError(ack, { op: op.op, subject });
  if (op.op === "link.create" && error.kernel?.startsWith("Unknown device type") === true) {
    const message = `link.create ${subject}: this kernel lacks ${FEATURES[op.link.kind.type]}`;
    return new NetError("unsupported", op.op, {
      message,
      subject,
      errno: "EOPNOTSUPP",
      kernel: error.kernel,
    });
  }
  const words = wordsFor(op, error);
  if (error.kernel !== undefined || words === undefined) return error;
  return new NetError(error.code, op.op, {
    message: `${op.op} ${subject}: ${words} (${error.errno})`,
    subject,
    ...(error.errno === undefined ? {} : { errno: error.errno }),
  });
}

function wordsFor(op: RouteOp, { errno }: NetError): string | undefined {
  if (op.op === "link.create" && op.link.kind.type === "veth" && errno === "EEXIST") {
    const { peer } = op.link.kind;
    return `there is a link ${op.link.name} already, or a link ${peer.name} in the other namespace`;
  }
  return errno === undefined ? undefined : errnoWords(errno);
}

/** What a step is about, for errors. */
export function subjectOf(op: RouteOp): string {
  switch (op.op) {
    case "link.create":
      return op.link.name;
    case "link.set":
      return op.name;
    case "address.add":
    case "address.delete":
      return `${op.address.address} on ${op.address.link}`;
    default: {
      const { destination, via, link } = op.route;
      return `${destination}${via === undefined ? "" : ` via ${via}`} dev ${link}`;
    }
  }
}

export function noSuchLink(op: string, name: string): NetError {
  return new NetError("not_found", op, {
    message: `${op}: there is no link ${name}`,
    subject: name,
    errno: "ENODEV",
  });
}
