import { parseRegistryAddress } from "./registry-address.js";
import { isSecretKey } from "./redacted.js";

/** The value of a setting as it may be printed: secrets as `***`, addresses without user and parameters. */
export function shownValue(path: readonly string[], text: string): string {
  if (path.some(isSecretKey)) return text === "" ? "" : "***";
  if (!text.includes("://") && !text.includes("@")) return text;
  return text.split(",").length > 1 && !text.includes("@") && !text.includes("?") ? text : safeAddress(text);
}

function safeAddress(text: string): string {
  try {
    return parseRegistryAddress(text).safeText;
  } catch {
    return text.replace(/\/\/[^/?#]*@/g, "//***@").replace(/\?[^,;\s]*/g, "?***");
  }
}
