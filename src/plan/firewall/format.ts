import { unreachable } from "../../base/unreachable.ts";
import type { FirewallElement } from "../../model/firewall.ts";
import { elementKey } from "./elements.ts";
import type { Chain, FieldType, MapDeclaration, Operand, Rule, Selector, Statement, Table } from "./ast.ts";

/**
 * The table as `nft list ruleset` writes it, with the elements of its maps. It is for people, and `nft -f` accepts it.
 * Elements of maps the table does not have are left out.
 */
export function formatRuleset(table: Table, elements: readonly FirewallElement[]): string {
  const byMap = Map.groupBy(elements, (element) => element.map);
  const blocks = [
    ...table.maps.map((map) => formatMap(map, byMap.get(map.name) ?? [])),
    ...table.chains.map(formatChain),
  ];
  const comment = table.comment === undefined ? [] : [`\tcomment ${quote(table.comment)}`];
  return [`table ${table.family} ${table.name} {`, ...comment, blocks.join("\n\n"), "}", ""].join("\n");
}

function formatMap(map: MapDeclaration, elements: readonly FirewallElement[]): string {
  const { name, key, data, interval, comment } = map;
  const to = data === undefined ? "" : ` : ${data === "verdict" ? data : data.join(" . ")}`;
  const lines = [`${data === undefined ? "set" : "map"} ${name} {`, `\ttype ${key.join(" . ")}${to}`];
  if (interval === true) lines.push("\tflags interval");
  if (comment !== undefined) lines.push(`\tcomment ${quote(comment)}`);
  if (elements.length > 0) {
    const list = elements.toSorted((a, b) => compareText(elementKey(a), elementKey(b)));
    lines.push(`\telements = { ${list.map((e) => formatElement(map, e)).join(",\n\t\t     ")} }`);
  }
  return indent([...lines, "}"]);
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One element in nft's syntax: `192.0.2.1 . tcp . 8000-8099 : 10.0.0.2`. */
export function formatElement(map: MapDeclaration, element: FirewallElement): string {
  const { key, keyEnd, data } = element;
  const fields = key.map((value, i) => {
    const first = formatValue(map.key[i], value);
    const end = keyEnd?.[i];
    return end === undefined || end === value ? first : `${first}-${formatValue(map.key[i], end)}`;
  });
  const types = Array.isArray(map.data) ? (map.data as readonly FieldType[]) : [];
  const to =
    data === undefined
      ? ""
      : typeof data === "string"
        ? data
        : data.map((v, i) => formatValue(types[i], v)).join(" . ");
  return `${fields.join(" . ")}${to === "" ? "" : ` : ${to}`}`;
}

function formatValue(type: FieldType | undefined, value: string | number): string {
  return type === "ifname" ? quote(String(value)) : String(value);
}

function formatChain(chain: Chain): string {
  const { name, hook, rules } = chain;
  const lines = [`chain ${name} {`];
  if (hook !== undefined) {
    lines.push(`\ttype ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;`);
  }
  return indent([...lines, ...rules.map((rule) => `\t${formatRule(rule)}`), "}"]);
}

/** One rule on one line. */
export function formatRule(rule: Rule): string {
  const comment = rule.comment === undefined ? [] : [`comment ${quote(rule.comment)}`];
  return [...rule.statements.map(formatStatement), ...comment].join(" ");
}

function formatStatement(statement: Statement): string {
  switch (statement.kind) {
    case "match":
      return `${formatSelector(statement.left)} ${statement.op === "==" ? "" : "!= "}${formatOperand(statement.right)}`;
    case "inSet":
      return `${formatKey(statement.key)} @${statement.set}`;
    case "vmap":
      return `${formatKey(statement.key)} vmap @${statement.map}`;
    case "dnatMap":
      return `dnat ${statement.family === 4 ? "ip" : "ip6"} to ${formatKey(statement.key)} map @${statement.map}`;
    case "snatMap":
      return `snat ${statement.family === 4 ? "ip" : "ip6"} to ${formatKey(statement.key)} map @${statement.map}`;
    case "setPort":
      return `${statement.header} ${statement.field} set ${statement.port}`;
    case "jump":
    case "goto":
      return `${statement.kind} ${statement.chain}`;
    case "masquerade":
    case "accept":
    case "drop":
    case "return":
      return statement.kind;
    default:
      return unreachable(statement);
  }
}

function formatSelector(selector: Selector): string {
  switch (selector.kind) {
    case "meta":
      // The interface keys go without the word `meta`, as nft prints them.
      return selector.key.includes("if") ? selector.key : `meta ${selector.key}`;
    case "ct":
      return `ct ${selector.key}`;
    case "payload":
      return `${selector.header} ${selector.field}`;
    case "fib":
      return `fib ${selector.address} type`;
    default:
      return unreachable(selector);
  }
}

const formatKey = (key: readonly Selector[]): string => key.map(formatSelector).join(" . ");

const formatOperand = (right: Operand): string =>
  typeof right === "object" ? right.join(",") : String(right);

const quote = (text: string): string => `"${text}"`;

const indent = (lines: readonly string[]): string => lines.map((line) => `\t${line}`).join("\n");
