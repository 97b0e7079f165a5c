import { createHmac } from "node:crypto";
import { bodiesOf, textOf } from "./body.js";
import type { NacosCredentials, SecuredRequest } from "./credentials.js";
import { type NacosClock, systemEnvironment } from "./environment.js";

/** An access key and its secret, as Alibaba's MSE and servers with its plugin take them. */
export interface AccessKey {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of temporary (STS) keys. Default none. */
  readonly securityToken?: string;
}

/** How requests are signed. */
export interface AccessKeyOptions {
  /** Given once, or asked for before each request: keep what does not change yourself. */
  readonly key: AccessKey | ((signal: AbortSignal) => Promise<AccessKey> | AccessKey);
  /** Signs with a key derived for this region and day (version 4). Default: with the secret itself. */
  readonly region?: string;
  readonly clock?: Pick<NacosClock, "wallMs">;
}

/** Signs every request; the secret itself is never sent: registries A1.12, as SpasAdapter.java and NamingResourceInjector.java do. */
export function accessKeyCredentials(options: AccessKeyOptions): NacosCredentials {
  const { key, region, clock = systemEnvironment.clock } = options;
  return {
    async headers(request, signal) {
      const pair = typeof key === "function" ? await key(signal) : key;
      const wallMs = clock.wallMs();
      const signingKey = region === undefined ? pair.secretKey : dailyKey(pair.secretKey, region, wallMs);
      return {
        ...(request.module === "naming"
          ? namingHeaders(request, pair.accessKey, signingKey, wallMs)
          : configHeaders(request, pair.accessKey, signingKey, wallMs)),
        ...(pair.securityToken !== undefined && { "Spas-SecurityToken": pair.securityToken }),
        ...(region !== undefined && { signatureVersion: "v4" }),
      };
    },
    // Signatures are made anew each time: trying again with the same key is pointless.
    refused: () => Promise.resolve(false),
  };
}

function namingHeaders({ body, appName }: SecuredRequest, accessKey: string, key: string, wallMs: number) {
  const [service, group] = [textOf(body, "serviceName"), textOf(body, "groupName")];
  const name = service.includes("@@") || group === "" ? service : `${group}@@${service}`;
  const data = name === "" ? String(wallMs) : `${wallMs}@@${name}`;
  return { ak: accessKey, data, signature: hmacSha1(data, key), app: appName };
}

function configHeaders({ body, type }: SecuredRequest, accessKey: string, key: string, wallMs: number) {
  // Java signs what names one configuration with its group, and lists of them with the time alone.
  const isList = type !== "ConfigQueryRequest" && bodiesOf(body, "configListenContexts").length > 0;
  const [tenant, group] = isList ? ["", ""] : [textOf(body, "tenant"), textOf(body, "group")];
  const resource = tenant !== "" && group !== "" ? `${tenant}+${group}` : group;
  const data = resource === "" ? String(wallMs) : `${resource}+${wallMs}`;
  return { "Spas-AccessKey": accessKey, Timestamp: String(wallMs), "Spas-Signature": hmacSha1(data, key) };
}

/** As CalculateV4SigningKeyUtil.java derives it: secret, day, region, product. */
function dailyKey(secretKey: string, region: string, wallMs: number): string {
  const day = new Date(wallMs).toISOString().slice(0, 10).replaceAll("-", "");
  let derived = Buffer.from(`aliyun_v4${secretKey}`);
  for (const part of [day, region, "mse-nacos", "aliyun_v4_request"])
    derived = createHmac("sha256", derived).update(part).digest();
  return derived.toString("base64");
}

function hmacSha1(data: string, key: string): string {
  return createHmac("sha1", key).update(data).digest("base64");
}
