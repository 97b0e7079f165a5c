// Java registers no loopback address, so all peers share a network of their own with another one.
import { runProgram } from "./program.mjs";

const marker = "DUBBO_TS_INTEROP_NAMESPACE";
const prepare = [
  "ip link set lo up",
  "ip link add peers0 type veth peer name peers1",
  "ip addr add 10.77.0.1/24 dev peers0",
  "ip link set peers0 up",
  "ip link set peers1 up",
  'exec "$@"',
].join(" && ");

/** Whether this process is inside, or runs where there is none: not root, not Linux. */
export const isInside = () => process.env[marker] !== undefined;

/** Runs this very script again inside, and gives its exit code. */
export async function runInside(script, args, env) {
  const program = [process.execPath, script, ...args];
  const isRoot = process.platform === "linux" && process.getuid?.() === 0;
  if (!isRoot) console.log("not root: the peers use the machine's own network");
  return runProgram(isRoot ? ["unshare", "-n", "bash", "-c", prepare, "_", ...program] : program, {
    stdio: "inherit",
    env: { ...process.env, ...env, [marker]: isRoot ? "own" : "none", NODE_OPTIONS: "" },
  });
}
