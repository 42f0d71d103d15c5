import type { SetType } from "./commands.ts";
import { isHostOrder, keySize, type NftType, packTypes, typeSize } from "./datatypes.ts";
import { NFT_DATA_VERDICT, NFT_SET } from "./numbers.ts";
import { concatBytes, numberData, UDATA_SET } from "./userdata.ts";

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
  const flags =
    (ranges ? NFT_SET.INTERVAL : 0) | (data === undefined ? 0 : NFT_SET.MAP) | (concat ? NFT_SET.CONCAT : 0);
  return {
    flags,
    keyType: packTypes(key),
    keyLen: keySize(key),
    ...(data === undefined
      ? {}
      : data === "verdict"
        ? { dataType: NFT_DATA_VERDICT, dataLen: 0 }
        : { dataType: packTypes(data), dataLen: keySize(data) }),
    userdata: byteOrders(shape),
    ...(concat ? { desc: { concat: key.map((type) => ({ len: typeSize(type) })) } } : {}),
  };
}

/** nft's enum byteorder; verdicts and concatenations have none. */
const NO_ORDER = 0;
const HOST_ORDER = 1;
const NETWORK_ORDER = 2;

function orderOf(types: readonly NftType[] | "verdict"): number {
  const [only] = types;
  if (types === "verdict" || only === undefined || types.length > 1) return NO_ORDER;
  return isHostOrder(only as NftType) ? HOST_ORDER : NETWORK_ORDER;
}

function byteOrders({ key, data }: SetShape): Uint8Array {
  const parts = [numberData(UDATA_SET.KEYBYTEORDER, orderOf(key))];
  if (data !== undefined) {
    parts.push(numberData(UDATA_SET.DATABYTEORDER, orderOf(data)), numberData(UDATA_SET.DATA_INTERVAL, 0));
  }
  return concatBytes(parts);
}
