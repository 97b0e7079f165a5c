import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes } from "@dubbo-ts/core";

test("docs/errors.md documents every code, and no other", () => {
  const text = readFileSync(join(__dirname, "../docs/errors.md"), "utf8");
  const documented = [...text.matchAll(/^\| `([A-Z_]+)` \| \S.* \| \S.* \|$/gm)].map(([, code]) => code);
  expect(new Set(documented)).toEqual(new Set(errorCodes));
  expect(documented).toHaveLength(errorCodes.length);
});
