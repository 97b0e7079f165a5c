/**
 * Switches that make the server misbehave, for tests of clients. The server reads them at each use, so a test may
 * change them while it runs. All are off by default.
 */
export interface Faults {
  /** Answers of unary requests come that much later, ms. */
  answerDelayMs?: number;
  /** What the client answers to pushes is not looked at: pushes are repeated, a detection fails. */
  ignoreAcks?: boolean;
  /** Error code by request type; `*` stands for all types. 300, 301, 302 and 502 come as `ErrorResponse`. */
  refuse?: Readonly<Record<string, number>>;
  /** Naming pushes carry no hosts, whatever is registered. */
  emptyPushes?: boolean;
  /** Naming and config pushes are not sent at all. */
  losePushes?: boolean;
  /** Pushes leave out all fields that a client should do without: `headers`, `module`, most of `serviceInfo`. */
  incompletePushes?: boolean;
  /** Added to the wall clock of answers and pushes, ms: a server whose clock is wrong. */
  clockOffsetMs?: number;
  /** A published config becomes readable only so much later, ms, as on real servers (30 to 140, once 1100). */
  publishDelayMs?: number;
  /** No SetupAck is sent and ServerCheck does not speak of abilities: a server before 2.3. */
  oldServer?: boolean;
}
