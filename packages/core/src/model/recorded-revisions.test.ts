import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeMetadata } from "./metadata-record.js";
import { revisionOf } from "./revision.js";

/** Metadata that programs on Apache Dubbo for Java 3.3.6 published, and the revisions that they gave to it. */
const recorded = JSON.parse(
  readFileSync(join(__dirname, "..", "fixtures", "java-revisions.json"), "utf8"),
) as { readonly revision: string; readonly metadata: string }[];

test("the revision of recorded metadata is the one that Java gave to it", () => {
  const revisions = recorded.map(({ revision, metadata }) => {
    const { application, services } = decodeMetadata("java-remote", revision, metadata);
    return revisionOf(application, services.values());
  });
  expect(revisions).toEqual(recorded.map(({ revision }) => revision));
  expect(revisions).toHaveLength(2);
});
