import { numberOf, textOf } from "./body.js";
import type { NacosCredentials, SecuredRequest } from "./credentials.js";
import { type NacosClock, systemEnvironment } from "./environment.js";
import { httpApi, type NacosHttp } from "./http/http-api.js";
import { NacosError } from "./nacos-error.js";
import type { NacosNetwork } from "./network.js";

/** Who logs in, and where. */
export interface PasswordOptions {
  readonly username: string;
  readonly password: string;
  /** Where the HTTP API is. Default `http://host:port/nacos` of the server that is connected. Over `https:` with the client's `tls`. */
  readonly loginUrl?: string;
  readonly clock?: NacosClock;
  readonly random?: () => number;
  /** The sockets of `loginUrl`. Default Node's. */
  readonly network?: NacosNetwork;
}

interface Token {
  readonly value: string;
  readonly renewAtMs: number;
}

/** Java looks every 5 s whether to log in; a login that failed is not repeated sooner. */
const retryMs = 5_000;
/** However short-lived the tokens that a server hands out: it is not asked for one with every request. */
const leastMs = 1_000;
/** A server that refuses a fresh token refuses the next one too (registries A1.5, 403). */
const forcedMs = 60_000;
/** Unless it says that it does not know the token, or no more: then that is worth a login this often. */
const expiredMs = 1_000;
const saysThatTokenIsBad = /token (expired|invalid)|user not found/i;
/** Nacos 3, then 2 and 1 (nacos-server 4). */
const paths = ["/v3/auth/user/login", "/v1/auth/users/login"];

/**
 * Logs in by user name and password, and puts the token into every request; renews it in time, and when a server
 * says that it is no good any more. A login that fails never keeps a request back: a server without
 * authentication takes it without token (registries A1.12).
 */
export function passwordCredentials(options: PasswordOptions): NacosCredentials {
  return new PasswordCredentials(options);
}

class PasswordCredentials implements NacosCredentials {
  readonly #clock: NacosClock;
  readonly #random: () => number;
  #token: Token | undefined;
  #problem: string | undefined;
  #login: Promise<void> | undefined;
  #notBeforeMs = -Infinity;
  #lastForcedMs = -Infinity;

  constructor(private readonly options: PasswordOptions) {
    this.#clock = options.clock ?? systemEnvironment.clock;
    this.#random = options.random ?? systemEnvironment.random;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  async headers(request: SecuredRequest): Promise<Readonly<Record<string, string>>> {
    const nowMs = this.#clock.monotonicMs();
    const isDue = this.#token === undefined || nowMs >= this.#token.renewAtMs;
    if (isDue && nowMs >= this.#notBeforeMs) await this.#logIn(request);
    return this.#token === undefined ? {} : { accessToken: this.#token.value };
  }

  async refused(
    request: SecuredRequest,
    _signal: AbortSignal,
    sent: Readonly<Record<string, string>>,
    why: string,
  ): Promise<boolean> {
    // Another request has logged in since.
    if (this.#token !== undefined && this.#token.value !== sent["accessToken"]) return true;
    const nowMs = this.#clock.monotonicMs();
    // Without a token there was a login that failed: that has pauses of its own.
    const isKnownBad = sent["accessToken"] !== undefined && saysThatTokenIsBad.test(why);
    if (nowMs - this.#lastForcedMs < (isKnownBad ? expiredMs : forcedMs)) return false;
    this.#lastForcedMs = nowMs;
    this.#token = undefined;
    await this.#logIn(request);
    return this.#token !== undefined;
  }

  /** Those who need it at the same time share one login. Never rejects. */
  async #logIn(request: SecuredRequest): Promise<void> {
    this.#login ??= this.#tryToLogIn(request).finally(() => {
      this.#login = undefined;
    });
    await this.#login;
  }

  async #tryToLogIn({ http, tls }: SecuredRequest): Promise<void> {
    const { loginUrl } = this.options;
    const api =
      loginUrl === undefined
        ? http
        : httpApi({ name: "login", httpBase: loginUrl }, tls, {
            ...systemEnvironment,
            clock: this.#clock,
            network: this.options.network ?? systemEnvironment.network,
          });
    try {
      const token = await this.#post(api);
      this.#problem = token === undefined ? this.#problem : undefined;
      this.#token = token ?? this.#token;
    } catch (error) {
      // The answer to the request itself says that the login did not help.
      this.#problem = `no login: ${error instanceof NacosError ? error.message : "its answer cannot be read"}`;
    }
    this.#notBeforeMs = this.#clock.monotonicMs() + (this.#problem === undefined ? leastMs : retryMs);
  }

  /** Undefined when it was refused: every status but 200 means that (nacos-server 4). */
  async #post(api: NacosHttp): Promise<Token | undefined> {
    const { username, password } = this.options;
    const never = new AbortController().signal; // its own time limit ends it
    for (const path of paths) {
      const response = await api.request({ method: "POST", path, form: { username, password } }, never);
      if (response.status === 200) return this.#toToken(JSON.parse(response.text));
      this.#problem = `the login of ${JSON.stringify(username)} was refused (HTTP ${response.status})`;
      if (response.status !== 404 && response.status !== 501) return undefined;
    }
    return undefined;
  }

  /** To be renewed a fifteenth to a tenth of its life early, so that clients spread. */
  #toToken(answer: unknown): Token | undefined {
    const body = typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>) : {};
    const value = textOf(body, "accessToken");
    if (value === "") return undefined;
    const ttlMs = numberOf(body, "tokenTtl", 18_000) * 1_000;
    const early = 1 / 15 + this.#random() * (1 / 10 - 1 / 15);
    return { value, renewAtMs: this.#clock.monotonicMs() + ttlMs * (1 - early) };
  }
}
