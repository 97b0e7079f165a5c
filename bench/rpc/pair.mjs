import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("agent.mjs", import.meta.url));

/** A server and a client process of one target, connected and idle; disposing ends both. */
export async function openPair({ name }) {
  const agents = [];
  const stop = () => agents.forEach((agent) => agent.stop());
  try {
    const server = agents[agents.push(startAgent("server", name)) - 1];
    await server.ready;
    const address = await server.ask({ command: "serve" });
    const client = agents[agents.push(startAgent("client", name)) - 1];
    await client.ready;
    await client.ask({ command: "connect", address });
    return { measure: (cell) => measure(server, client, cell), stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Runs one cell; CPU is that of the whole run on both sides, by the operating system's count. */
async function measure(server, client, cell) {
  const before = await server.ask({ command: "cpu" });
  const { cpuMicros, calls, ...rest } = await client.ask({ command: "run", ...cell });
  const after = await server.ask({ command: "cpu" });
  const serverMicros = after.user + after.system - before.user - before.system;
  return { ...rest, calls, clientMicros: cpuMicros / calls, serverMicros: serverMicros / calls };
}

function startAgent(side, name) {
  const child = fork(program, [side, name], { stdio: ["ignore", 2, 2, "ipc"] });
  let settle = () => {};
  child.on("message", (answer) => settle(answer));
  child.on("exit", (code) => settle({ error: `${side} of ${name} ended with code ${code}` }));
  const answer = () =>
    new Promise((resolve, reject) => {
      settle = ({ result, error }) => (error === undefined ? resolve(result) : reject(new Error(error)));
    });
  return {
    ready: answer(),
    ask(message) {
      const answered = answer();
      child.send(message);
      return answered;
    },
    stop: () => child.kill("SIGKILL"),
  };
}
