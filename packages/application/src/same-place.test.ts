import { recordingLogger } from "@dubbo-ts/testkit";
import { plainRegistry } from "./registries.js";
import { warnOfOtherPlace } from "./same-place.js";

test.each([
  ["nacos://a?namespace=dev&group=g", "nacos://b?namespace=dev&group=g", []],
  ["nacos://a?namespace=public&group=DEFAULT_GROUP&cluster=DEFAULT", "nacos://a", []],
  ["nacos://a?namespace=dev", "redis://a", []],
  ["nacos://a?namespace=dev", "nacos://a", ["namespace dev and none"]],
  ["nacos://a?group=g&cluster=c", "nacos://a?group=h", ["group g and h, cluster c and none"]],
])("of the registry %s and the metadata report %s is said: %j", (registry, report, said) => {
  const log = recordingLogger();
  warnOfOtherPlace([plainRegistry(registry)], plainRegistry(report), log);
  expect(log.entries.map(({ message }) => /differ in (.*): mapping/.exec(message)?.[1])).toEqual(said);
});
