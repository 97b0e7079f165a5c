import { NacosError } from "../nacos-error.js";
import type { NacosHttp } from "./http-api.js";

/** What answers HTTP at an address. */
export type ServerState =
  | { readonly kind: "nacos"; readonly isUp: boolean }
  | { readonly kind: "stranger"; readonly why: string }
  /** Nobody, or not in time. */
  | { readonly kind: "silent" };

/** Served without login by every version that serves HTTP (registries A2.3), and by nobody else. */
const metricsPath = "/v1/ns/operator/metrics";
/** Of the console of 1.x and 2.x; says the version. */
const versionPath = "/v1/console/server/state";

/** Asks who is there. @throws `signal.reason` when that aborts. */
export async function serverState(
  http: NacosHttp,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ServerState> {
  try {
    const { status, text } = await http.request({ method: "GET", path: metricsPath, timeoutMs }, signal);
    if (status === 503 && /server is/i.test(text)) return { kind: "nacos", isUp: false };
    const answer = objectIn(text);
    if (status !== 200 || typeof answer?.["status"] !== "string")
      return { kind: "stranger", why: `HTTP ${status}` };
    return { kind: "nacos", isUp: answer["status"] === "UP" };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof NacosError)) throw error;
    // Also who takes a connection and cuts it at the sight of HTTP, as ZooKeeper does.
    const isForeign = error.code === "NOT_NACOS" || error.message.includes("ECONNRESET");
    return isForeign ? { kind: "stranger", why: error.message } : { kind: "silent" };
  }
}

/** ` 1.4.2`, or nothing where it is not said. @throws {NacosError} @throws `signal.reason` when that aborts. */
export async function versionText(http: NacosHttp, timeoutMs: number, signal: AbortSignal): Promise<string> {
  const { text } = await http.request({ method: "GET", path: versionPath, timeoutMs }, signal);
  const version = objectIn(text)?.["version"];
  return typeof version === "string" ? ` ${version.slice(0, 40)}` : "";
}

/** Undefined: no JSON object. */
export function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
