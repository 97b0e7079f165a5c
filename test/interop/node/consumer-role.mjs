import { callCases } from "./call-cases.mjs";
import { Load } from "./load.mjs";
import { protoCases } from "./proto-cases.mjs";
import { definitions, InteropService } from "./services.mjs";

/** The commands of a consumer. */
export function consumerRole(app, { protocol }) {
  const suites = {
    calls: callCases(app, protocol),
    proto: protocol === "tri" ? protoCases(app) : {},
  };
  const loads = new Map();

  return {
    cases: () => ({ calls: Object.keys(suites.calls), proto: Object.keys(suites.proto) }),
    case: ({ suite, name }) => suites[suite][name](),
    async load({ interface: name = InteropService.serviceInterface, perSecond, retries }) {
      const options = { protocol, check: false, timeoutMs: 3_000, ...(retries !== undefined && { retries }) };
      const client = await app.refer(definitions[name], options);
      const call = async () => {
        if (client.whoAmI !== undefined) return client.whoAmI();
        return (await client.WhoAmI({})).text;
      };
      loads.set(name, await Load.start(call, perSecond));
    },
    async migrate({ step }) {
      const statuses = await app.migrate(step);
      return { serving: statuses.map(({ serving }) => serving) };
    },
    async loadStop({ interface: name = InteropService.serviceInterface }) {
      const load = loads.get(name);
      loads.delete(name);
      return load.stop();
    },
  };
}
