import { invalid } from "../base/errors.ts";
import type { EndpointLink } from "../model/endpoint.ts";
import type { Network } from "../model/network.ts";
import { checkAlias } from "./parse.ts";

const OP = "endpoint.attach";

/**
 * `db` or `db:database`: Docker's `--link`, by which one sandbox calls another by a name of its own. The other needs not
 * exist yet.
 */
export function parseLinks(texts: readonly string[], network: Network): readonly EndpointLink[] {
  const links: EndpointLink[] = [];
  texts.forEach((text, i) => {
    const field = `links[${i}]`;
    if (network.predefined) {
      const right = `the predefined network ${network.name} has no names; leave it out, or join a network of your own`;
      throw invalid(field, text, right, OP);
    }
    const colon = text.indexOf(":");
    const name = checkAlias(colon < 0 ? text : text.slice(0, colon), field).toLowerCase();
    const alias = checkAlias(text.slice(colon + 1), field).toLowerCase();
    const same = links.find((link) => link.alias === alias);
    if (same === undefined) links.push({ alias, name });
    else if (same.name !== name) {
      throw invalid(field, text, `${alias} stands for ${same.name} already; choose another name`, OP);
    }
  });
  return links;
}
