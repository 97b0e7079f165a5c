import { numberOf, textOf } from "./body.js";
import type { NacosCredentials, SecuredRequest } from "./credentials.js";
import { type NacosClock, systemEnvironment } from "./environment.js";
import { pause } from "./waiting.js";

/** Who logs in, and where. */
export interface PasswordOptions {
  readonly username: string;
  readonly password: string;
  /** Where the HTTP API is. Default `http://host:port/nacos` of the server that is connected. */
  readonly loginUrl?: string;
  readonly clock?: NacosClock;
  readonly random?: () => number;
}

interface Token {
  readonly value: string;
  readonly renewAtMs: number;
}

/** Java looks every 5 s whether to log in; a login that failed is not repeated sooner. */
const retryMs = 5_000;
/** A server that refuses a fresh token refuses the next one too (registries A1.5, 403). */
const forcedMs = 60_000;
const loginTimeoutMs = 3_000;
/** Nacos 3, then 2 (nacos-server 4). */
const paths = ["/v3/auth/user/login", "/v1/auth/users/login"];

/**
 * Logs in by user name and password, and puts the token into every request; renews it in time, and when a server
 * refuses it, at most once a minute. A login that fails never keeps a request back: a server without
 * authentication takes it without token (registries A1.12).
 */
export function passwordCredentials(options: PasswordOptions): NacosCredentials {
  return new PasswordCredentials(options);
}

class PasswordCredentials implements NacosCredentials {
  readonly #clock: NacosClock;
  readonly #random: () => number;
  #token: Token | undefined;
  #login: Promise<void> | undefined;
  #notBeforeMs = -Infinity;
  #lastForcedMs = -Infinity;

  constructor(private readonly options: PasswordOptions) {
    this.#clock = options.clock ?? systemEnvironment.clock;
    this.#random = options.random ?? systemEnvironment.random;
  }

  async headers({ server }: SecuredRequest): Promise<Readonly<Record<string, string>>> {
    const nowMs = this.#clock.monotonicMs();
    const isDue = this.#token === undefined || nowMs >= this.#token.renewAtMs;
    if (isDue && nowMs >= this.#notBeforeMs) await this.#logIn(server);
    return this.#token === undefined ? {} : { accessToken: this.#token.value };
  }

  async refused({ server }: SecuredRequest): Promise<boolean> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastForcedMs < forcedMs) return false;
    this.#lastForcedMs = nowMs;
    this.#token = undefined;
    await this.#logIn(server);
    return this.#token !== undefined;
  }

  /** Those who need it at the same time share one login. Never rejects. */
  async #logIn(server: SecuredRequest["server"]): Promise<void> {
    this.#login ??= this.#tryToLogIn(server).finally(() => {
      this.#login = undefined;
    });
    await this.#login;
  }

  async #tryToLogIn({ host, httpPort }: SecuredRequest["server"]): Promise<void> {
    const base = this.options.loginUrl ?? `http://${host}:${httpPort}/nacos`;
    const tooLate = new AbortController();
    const done = new AbortController();
    const limit = pause(this.#clock, loginTimeoutMs, [done.signal]).then(() => tooLate.abort());
    try {
      this.#token = (await this.#post(base, tooLate.signal)) ?? this.#token;
    } catch {
      // The answer to the request itself says that the login did not help.
    }
    done.abort();
    await limit;
    this.#notBeforeMs = this.#clock.monotonicMs() + retryMs;
  }

  /** Undefined when it was refused: every status but 200 means that (nacos-server 4). */
  async #post(base: string, signal: AbortSignal): Promise<Token | undefined> {
    const { username, password } = this.options;
    for (const path of paths) {
      const body = new URLSearchParams({ username, password });
      const response = await fetch(base + path, { method: "POST", body, signal });
      const text = await response.text();
      if (response.status === 200) return this.#toToken(JSON.parse(text));
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
