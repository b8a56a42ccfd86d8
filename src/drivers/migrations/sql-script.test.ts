import { describe, expect, test } from "vitest";
import { readScript, segments } from "./sql-script.js";

describe("SQL scripts", () => {
  test("are split as the server does, with the line of each statement", async () => {
    const text = `-- häßlich; "quoted"
      alter table a drop column "b;c"; /* ; */ do $x$ begin perform ';'; end $x$;

      create function f() returns int language sql begin atomic select 1; select 2; end;`;
    const statements = await readScript(text, "down.sql");
    expect(statements.map(({ at }) => at)).toEqual(["down.sql:2", "down.sql:2", "down.sql:4"]);
    expect(statements[1]?.text).toContain("do $x$ begin perform ';'; end $x$");
    expect(statements[2]?.text).toContain("select 2; end");
  });

  test.each([
    ["drop index concurrently a", true],
    ["drop index a", false],
    ["create index concurrently on a (b)", true],
    ["create unique index on a (b)", false],
    ["reindex (concurrently) table a", true],
    ["reindex table a", false],
    ["alter type a add value 'b'", true],
    ["alter type a rename value 'b' to 'c'", false],
    ["alter table a detach partition b concurrently", true],
    ["alter table a detach partition b", false],
    ["vacuum a", true],
    ["analyze a", false],
    ["create database a", true],
    ["alter system set work_mem = 1", true],
    ["refresh materialized view concurrently a", false],
  ])("%s: stands alone: %s", async (text, alone) => {
    expect(await readScript(text, "down.sql")).toMatchObject([{ alone }]);
  });

  test("what refuses a transaction stands alone, all else is kept together", async () => {
    const read = await readScript("select 1; select 2; vacuum; vacuum; select 3", "down.sql");
    expect(segments(read).map((part) => part.map(({ text }) => text))).toEqual([
      ["select 1", "select 2"],
      ["vacuum"],
      ["vacuum"],
      ["select 3"],
    ]);
  });

  test.each([
    ["select 1;\nselct 2", /down.sql:2: syntax error at or near "selct"/],
    ["select 1;\ncommit", /down.sql:2: "commit" would end the transaction/],
    ["begin; select 1; end", /down.sql:1: "begin" would end/],
    ["\\i other.sql", /down.sql:1: syntax error/],
  ])("refuses %j", async (text, says) => {
    await expect(readScript(text, "down.sql")).rejects.toMatchObject({
      code: "REFUSED",
      effect: "none",
      message: expect.stringMatching(says) as string,
    });
  });
});
