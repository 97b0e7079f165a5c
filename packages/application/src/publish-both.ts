import type { InterfacePublisher, ServicePublisher } from "@dubbo-ts/discovery";
import type { OpenRegistries } from "./registries.js";

/**
 * Publishes the application and its services, as far as registries want the one or the other (`register-mode`). A
 * service's own record needs nothing else, so both are made at once; each failure is told when both are done. Where no
 * registry wants the application, its mapping and metadata are not written either: they would lead nowhere.
 */
export function publishBoth(
  { registering, registeringInterfaces }: Pick<OpenRegistries, "registering" | "registeringInterfaces">,
  applications: Pick<ServicePublisher, "publish">,
  interfaces: Pick<InterfacePublisher, "publish">,
): Pick<ServicePublisher, "publish"> {
  return {
    async publish(state) {
      const work: Promise<void>[] = [];
      if (registeringInterfaces.length > 0) work.push(interfaces.publish(state));
      if (registering.length > 0 || registeringInterfaces.length === 0)
        work.push(applications.publish(state));
      const failed = (await Promise.allSettled(work)).find(({ status }) => status === "rejected");
      if (failed?.status === "rejected") throw failed.reason;
    },
  };
}
