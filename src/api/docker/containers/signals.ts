import { constants } from "node:os";
import { NetError } from "../../../base/errors.ts";

/** `SIGTERM`, `term`, `15`, `RTMIN+3` (moby/sys/signal, ParseSignal). */
export function parseSignal(text: string): number {
  const refused = (): NetError =>
    new NetError("invalid", "container.signal", {
      message: `invalid signal: ${text}`,
      field: "signal",
      value: text,
    });
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number < 1 || number > 64) throw refused();
    return number;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const real = /^RT(MIN\+|MAX-)(\d{1,2})$/.exec(name);
  if (real !== null) return real[1] === "MIN+" ? 34 + Number(real[2]) : 64 - Number(real[2]);
  const number = (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  if (number === undefined) throw refused();
  return number;
}
