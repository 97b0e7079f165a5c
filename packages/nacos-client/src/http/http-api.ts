import type { NacosEnvironment } from "../environment.js";
import { NacosError } from "../nacos-error.js";
import type { NacosHttpRequest, NacosHttpResponse } from "../network.js";
import type { ServerAddress } from "../options.js";
import { httpsOptions, type NacosTls } from "../tls.js";
import { pause } from "../waiting.js";

/** A request to the HTTP API, with its path below the context path: `/v1/ns/instance`. */
export interface ApiRequest extends Omit<NacosHttpRequest, "url" | "tls" | "form"> {
  readonly path: string;
  /** Goes into the URL. */
  readonly query?: Readonly<Record<string, string>>;
  /** Goes into the body. */
  readonly form?: Readonly<Record<string, string>>;
  /** Default 3000 ms. */
  readonly timeoutMs?: number;
}

/** The HTTP API of one server. */
export interface NacosHttp {
  /**
   * Any status is an answer.
   * @throws {NacosError} UNAVAILABLE: no connection; NOT_NACOS: it does not speak HTTP; TIMEOUT. @throws `signal.reason`.
   */
  request(request: ApiRequest, signal: AbortSignal): Promise<NacosHttpResponse>;
}

/** The API at `server`, or at `base` (`http://host:port/nacos`) when that is given. */
export function httpApi(
  server: Pick<ServerAddress, "name" | "httpBase">,
  tls: NacosTls | undefined,
  environment: NacosEnvironment,
): NacosHttp {
  return {
    async request({ path, query, form, timeoutMs = 3_000, ...rest }, signal) {
      const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
      const url = `${server.httpBase}${path}${search}`;
      const [tooLate, done] = [new AbortController(), new AbortController()];
      const text = `${server.name} did not answer ${rest.method} ${path} within ${timeoutMs} ms`;
      const limit = pause(environment.clock, timeoutMs, [done.signal]).then(
        () => done.signal.aborted || tooLate.abort(new NacosError("TIMEOUT", text)),
      );
      try {
        const options = url.startsWith("https:") ? { tls: httpsOptions(tls) } : {};
        const body = form === undefined ? {} : { form: new URLSearchParams(form) };
        const either = AbortSignal.any([signal, tooLate.signal]);
        return await environment.network.http({ ...rest, url, ...options, ...body }, either);
      } catch (cause) {
        signal.throwIfAborted();
        throw cause instanceof NacosError ? cause : broken(server.name, cause);
      } finally {
        done.abort();
        await limit;
      }
    },
  };
}

/** Only what the socket said: neither URL nor headers, which may hold secrets. */
function broken(name: string, cause: unknown): NacosError {
  const { code = "", message: why = "no answer" } = (cause ?? {}) as { code?: string; message?: string };
  const isForeign = code.startsWith("HPE_") || /^(socket hang up|the answer broke off)/.test(why);
  return new NacosError(isForeign ? "NOT_NACOS" : "UNAVAILABLE", `${name}: ${why}`, { cause });
}
