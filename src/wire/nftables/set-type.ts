import type { SetType } from "./commands.ts";
import { keySize, type NftType, packTypes, typeSize } from "./datatypes.ts";
import { NFT_DATA_VERDICT, NFT_SET } from "./numbers.ts";

export interface SetShape {
  readonly key: readonly NftType[];
  /** Absent in sets. */
  readonly data?: readonly NftType[] | "verdict" | undefined;
  readonly interval?: boolean | undefined;
}

/** The attributes of a set or map of these types, as nft writes them, so that `nft list ruleset` shows it properly. */
export function setType(shape: SetShape): SetType {
  const { key, data, interval } = shape;
  const ranges = interval === true;
  const concat = ranges && key.length > 1;
  const flags = (ranges ? NFT_SET.INTERVAL : 0) | (data === undefined ? 0 : NFT_SET.MAP) | (concat ? NFT_SET.CONCAT : 0);
  return {
    flags,
    keyType: packTypes(key),
    keyLen: keySize(key),
    ...(data === undefined
      ? {}
      : data === "verdict"
        ? { dataType: NFT_DATA_VERDICT, dataLen: 0 }
        : { dataType: packTypes(data), dataLen: keySize(data) }),
    ...(concat ? { desc: { concat: key.map((type) => ({ len: typeSize(type) })) } } : {}),
  };
}
