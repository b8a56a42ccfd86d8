import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redactor } from "./redactor.js";
import { resolveSecrets, secretReferences } from "./secrets.js";

const files: Record<string, string> = { "/run/pw": "from file\n", "/run/two": "a\nb\n", "/run/empty": "\n" };
const sources = {
  env: { PW: "hunter22", EMPTY: "", DOLLAR: "a$&b$1" },
  readFile: async (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error(`${path}: does not exist`);
    return text;
  },
};

describe("resolveSecrets", () => {
  test.each([
    ["${env:PW}", "hunter22"],
    ["postgres://u:${env:PW}@h/${env:PW}", "postgres://u:hunter22@h/hunter22"],
    ["${file:/run/pw}", "from file"],
    ["${file:/run/two}", "a\nb"],
    ["${env:DOLLAR}", "a$&b$1"],
    ["$${env:PW}", "${env:PW}"],
    ["${HOME} $env ${other:x}", "${HOME} $env ${other:x}"],
  ])("%s → %s", async (given, expected) => {
    expect(await resolveSecrets(given, sources)).toBe(expected);
  });

  test("walks the whole value, leaves keys and other types alone, changes nothing in place", async () => {
    const value = { "${env:PW}": ["x", 1, null, true, { deep: "${env:PW}" }] };
    const copy = structuredClone(value);
    expect(await resolveSecrets(value, sources)).toEqual({
      "${env:PW}": ["x", 1, null, true, { deep: "hunter22" }],
    });
    expect(value).toEqual(copy);
  });

  test("tells each secret before it is used", async () => {
    const told: string[] = [];
    await resolveSecrets(["${env:PW}", "${file:/run/pw}", "${env:PW}"], {
      ...sources,
      onSecret: (secret) => told.push(secret),
    });
    expect(told).toEqual(["hunter22", "from file"]);
  });

  test("names everything that is missing, and where, at once", async () => {
    const value = { url: "${env:GONE}", more: ["${env:EMPTY}", "${file:/run/gone}", "${file:/run/empty}"] };
    const error = await resolveSecrets(value, { ...sources, at: "targets.db.with" }).catch(
      (caught) => caught,
    );
    expect(error.code).toBe("SECRET_MISSING");
    expect(error.message).toContain('targets.db.with.url: "${env:GONE}": the variable GONE is not set');
    expect(
      error.problems.map((one: { path: string; message: string }) => `${one.path} ${one.message}`),
    ).toEqual([
      'targets.db.with.url "${env:GONE}": the variable GONE is not set',
      'targets.db.with.more.0 "${env:EMPTY}": the variable EMPTY is set but empty',
      'targets.db.with.more.1 "${file:/run/gone}": the file could not be read: /run/gone: does not exist',
      'targets.db.with.more.2 "${file:/run/empty}": the file /run/empty is empty',
    ]);
  });

  test("secretReferences says what and where", () => {
    expect(secretReferences({ a: ["x ${env:A} ${file:/b}", "$${env:C}"] })).toEqual([
      { text: "${env:A}", source: "env", name: "A", path: "a.0" },
      { text: "${file:/b}", source: "file", name: "/b", path: "a.0" },
    ]);
  });
});

describe("redactor", () => {
  const hiding = (...secrets: string[]) => {
    const it = redactor();
    for (const secret of secrets) it.add(secret);
    return it.redact;
  };

  test.each([
    ["inside words", ["pass"], "mypassword pass", "my***word ***"],
    ["the longer one first", ["abcd", "abcdef"], "abcdef abcd", "*** ***"],
    ["special characters", ["a.b*[c$"], "xa.b*[c$y axb*[c$", "x***y axb*[c$"],
    ["H73 as base64", ["hunter22"], "password: aHVudGVyMjI=", "password: ***="],
    ["URL-encoded", ["p@ss/w"], "redis://h?p=p%40ss%2Fw", "redis://h?p=***"],
    ["inside JSON", ['pa"ss'], '{"k":"pa\\"ss"}', '{"k":"***"}'],
    ["a line of a longer secret", ["-----BEGIN\nMIIEvQIBADANBg\n-----END"], "> MIIEvQIBADANBg", "> ***"],
    ["short: only by itself", ["ab"], "ab cab abc ab_ (ab) ab", "*** cab abc ab_ (***) ***"],
    ["blank ones are ignored", ["", "  "], "a  b", "a  b"],
    ["password in a URL", [], "postgres://u:p@w:x@h:5432/db?a=b@c", "postgres://u:***@h:5432/db?a=b@c"],
    ["password without user", [], "redis://:pw@h", "redis://:***@h"],
    [
      "no password, no change",
      [],
      "http://a:80/x http://b:81/@ ssh://git@h/x",
      "http://a:80/x http://b:81/@ ssh://git@h/x",
    ],
  ] as [string, string[], string, string][])("%s", (_, secrets, text, expected) => {
    expect(hiding(...secrets)(text)).toBe(expected);
  });

  test("no secret of four characters or more survives, wherever it stands", () => {
    const secret = fc
      .string({ minLength: 4, unit: "grapheme" })
      .filter((text) => text.trim().length >= 4 && !"***".includes(text) && !text.includes("*"));
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (hidden, before, after) => {
        expect(hiding(hidden)(`${before}${hidden}${after}`)).not.toContain(hidden);
      }),
    );
  });
});
