import { expect, test } from "vitest";
import { options } from "./options.js";

test("a URL is enough; the scratch server is named as the target is", () => {
  expect(options.parse({ url: "${env:DATABASE_URL}" })).toMatchObject({
    ...{ maintenance: "postgres", jobs: 2, compression: 1, checksums: "full", keepLostRows: false },
  });
  const bad = options.safeParse({ url: "${env:DATABASE_URL}", scratch: { host: "spare" } });
  expect(bad.error?.issues.map(({ path }) => path.join("."))).toEqual(["scratch.user", "scratch.database"]);
});
