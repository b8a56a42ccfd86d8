export interface Redactor {
  add(secret: string): void;
  redact(text: string): string;
}

const mask = "***";
const shortest = 4;
/** A line of a key file is worth hiding by itself, an ordinary short line (`}`) is not. */
const shortestLine = 8;
const urlPassword = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#:@"']*):[^\s/]*@/gi;

/** As it may turn up in URLs, JSON and Kubernetes Secrets. */
function formsOf(secret: string): string[] {
  const lines = secret.includes("\n")
    ? secret.split(/\r?\n/).filter((line) => line.length >= shortestLine)
    : [];
  const trimmed = secret.trim();
  const long = [secret, ...lines, ...(trimmed.length >= shortest ? [trimmed] : [])];
  if (secret.length < shortest) return [secret];
  return long.flatMap((form) => [
    form,
    encodeURIComponent(Buffer.from(form).toString()),
    JSON.stringify(form).slice(1, -1),
    Buffer.from(form).toString("base64").replace(/=+$/, ""),
  ]);
}

const escapePattern = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

/** Short ones would turn up by chance inside words and numbers; there they hide nothing and spoil the message. */
const patternOf = (form: string) =>
  form.length < shortest
    ? `(?<![\\p{L}\\p{N}_])${escapePattern(form)}(?![\\p{L}\\p{N}_])`
    : escapePattern(form);

/**
 * Replaces secrets, and passwords inside URLs, by `***`. A secret of four characters or more is hidden wherever it
 * occurs; a shorter one only where it stands by itself.
 */
export function redactor(): Redactor {
  const forms = new Set<string>();
  let pattern: RegExp | undefined;
  return {
    add(secret) {
      if (secret.trim() === "") return;
      for (const form of formsOf(secret)) forms.add(form);
      const longestFirst = [...forms].sort((a, b) => b.length - a.length);
      pattern = new RegExp(longestFirst.map(patternOf).join("|"), "gu");
    },
    redact(text) {
      const known = pattern === undefined ? text : text.replace(pattern, mask);
      return known.replace(urlPassword, `$1:${mask}@`);
    },
  };
}
