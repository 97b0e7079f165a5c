import type { NacosCredentials, SecuredRequest } from "./credentials.js";
import { abortable } from "./waiting.js";

/** What {@link securedCall} does with its credentials. */
export interface SecuredCall<T> {
  /** Undefined: nobody in particular is calling. */
  readonly credentials: NacosCredentials | undefined;
  /** What signatures are made of. */
  readonly request: () => SecuredRequest;
  readonly send: (headers: Readonly<Record<string, string>>) => Promise<T>;
  /** Why the server says 403; undefined: it does not. */
  readonly refusalIn: (answer: T) => string | undefined;
}

/**
 * Sends with the headers of the credentials, and once more after a 403 if they say that this helps. Credentials may have to
 * log in first: nobody waits for that when one of `signals` has aborted.
 * @throws what `send` and the credentials throw, and the reason of a signal.
 */
export async function securedCall<T>(
  { credentials, request, send, refusalIn }: SecuredCall<T>,
  signals: readonly [AbortSignal, ...AbortSignal[]],
): Promise<T> {
  if (credentials === undefined) return await send({});
  const [signal] = signals;
  const waited = <W>(work: Promise<W>) => signals.reduce((rest, end) => abortable(rest, end), work);
  const secured = request();
  for (let triesLeft = 1; ; triesLeft -= 1) {
    const headers = await waited(credentials.headers(secured, signal));
    const answer = await send(headers);
    const why = refusalIn(answer);
    if (why === undefined || triesLeft === 0) return answer;
    if (!(await waited(credentials.refused(secured, signal, headers, why)))) return answer;
  }
}
