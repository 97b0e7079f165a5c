import { createHash } from "node:crypto";
import type { PastConfigRecord } from "@dubbo-ts/config";
import type { ConfigKey, ConfigVersion, NacosAdmin } from "@dubbo-ts/nacos-client";

/** Each is a request of its own; the server keeps a month of them. */
const mostRecords = 30;

/**
 * What `key` was before, the newest first, 30 records at most. A row of Nacos' history notes the text before an update or
 * a removal, under the time of that; so a text was written when the row before it was (seen on 2.3.2 and 3.1.0).
 */
export async function readHistory(
  admin: NacosAdmin,
  key: ConfigKey,
  signal: AbortSignal,
): Promise<readonly PastConfigRecord[]> {
  const { items: rows } = await admin.history(key, { pageSize: mostRecords + 1 }, signal);
  const past = rows
    .map(({ id, operation }, index) => ({ id, operation, written: rows[index + 1] }))
    .filter(({ operation }) => operation !== "I")
    .slice(0, mostRecords);
  const records = await Promise.all(
    past.map(async ({ id, written }): Promise<PastConfigRecord | undefined> => {
      const text = await admin.version(key, id, signal);
      if (text === undefined || text === "") return undefined; // forgotten meanwhile
      return { text, version: md5Of(text), writtenAtMs: timeOf(written) };
    }),
  );
  return records.filter((record) => record !== undefined);
}

/** As Nacos computes it (registries A1.7). */
export function md5Of(text: string): string {
  return createHash("md5").update(text, "utf8").digest("hex");
}

/** Nacos 3 gives ms since 1970, those before ISO text. */
function timeOf(row: ConfigVersion | undefined): number | undefined {
  const { modified = "" } = row ?? {};
  const ms = /^\d+$/.test(modified) ? Number(modified) : Date.parse(modified);
  return Number.isFinite(ms) ? ms : undefined;
}
