import { opcodeName, rcodeName } from "./constants.ts";
import { formatEdns } from "./edns.ts";
import type { DnsMessage } from "./message.ts";
import { formatQuestion, formatRecord, type ResourceRecord } from "./record.ts";

/** A message in the manner of `dig`, for logs and failing tests. Not meant to be parsed. */
export function formatMessage(message: DnsMessage): string {
  const flags = [
    message.response ? "qr" : "",
    message.authoritative ? "aa" : "",
    message.truncated ? "tc" : "",
    message.recursionDesired ? "rd" : "",
    message.recursionAvailable ? "ra" : "",
    message.reserved ? "z" : "",
    message.authenticData ? "ad" : "",
    message.checkingDisabled ? "cd" : "",
  ].filter((flag) => flag !== "");
  return [
    `;; ${opcodeName(message.opcode)} ${rcodeName(message.rcode)}, id ${message.id}, flags ${flags.join(" ") || "none"}`,
    ...(message.edns === undefined ? [] : [`;; ${formatEdns(message.edns)}`]),
    ...message.questions.map((question) => `;${formatQuestion(question)}`),
    ...section("answer", message.answers),
    ...section("authority", message.authorities),
    ...section("additional", message.additionals),
  ].join("\n");
}

function section(title: string, records: readonly ResourceRecord[]): string[] {
  return records.length === 0 ? [] : [`;; ${title}`, ...records.map((record) => formatRecord(record))];
}
