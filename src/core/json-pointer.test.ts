import { describe, expect, test } from "vitest";
import type { Json } from "./json.js";
import { jsonPointer, valueAt } from "./json-pointer.js";

const document: Json = {
  foo: ["bar", "baz"],
  "": 0,
  "a/b": 1,
  "m~n": 8,
  "~1": "tilde one",
  deep: { list: [{ n: null }, false] },
};

describe("valueAt", () => {
  test.each<[pointer: string, value: Json | undefined]>([
    ["", document],
    ["/foo", ["bar", "baz"]],
    ["/foo/0", "bar"],
    ["/", 0],
    ["/a~1b", 1],
    ["/m~0n", 8],
    ["/~01", "tilde one"],
    ["/deep/list/0/n", null],
    ["/deep/list/1", false],
    ["/foo/2", undefined],
    ["/foo/-", undefined],
    ["/foo/01", undefined],
    ["/foo/length", undefined],
    ["/foo/0/0", undefined],
    ["/nothing/below", undefined],
    ["/deep/list/0/n/x", undefined],
    ["/__proto__", undefined],
    ["/toString", undefined],
  ])("%j", (pointer, value) => {
    expect(valueAt(document, pointer)).toEqual(value);
  });
});

describe("jsonPointer", () => {
  test.each(["", "/", "/a/b", "/a~1b/~0"])("accepts %j", (text) => {
    expect(jsonPointer.safeParse(text).success).toBe(true);
  });
  test.each(["a", "a/b", "$.a", "/a~", "/a~2", "#/a"])("refuses %j and says how one is written", (text) => {
    expect(jsonPointer.safeParse(text).error?.issues[0]?.message).toContain('begins with "/"');
  });
});
