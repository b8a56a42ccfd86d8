import { overlap } from "./glob.js";

const meanings: readonly (readonly [RegExp, string])[] = [
  [
    /^(rl|ratelimit\w*|throttle\w*|limiter|quota)$/,
    "rate limits are cleared, so that guessing is not slowed down",
  ],
  [/^(lockout\w*|attempts|failedlogins?|bruteforce)$/, "locked accounts and counted attempts are forgotten"],
  [/^(sess|sessions?)$/, "sessions are cleared, so that everybody has to log in again"],
  [/^(revoked|denylist|blacklist|blocklist)$/, "revoked tokens would count as good again"],
  [/^(csrf|otp|mfa|nonce|tokens?|jwt)$/, "tokens are cleared"],
];

/** What removing the keys of this pattern means for security, by its name or because the playbook says so. */
export function securityEffect(pattern: string, named: readonly string[]): string | undefined {
  const words = pattern.toLowerCase().split(/[^a-z0-9]+/);
  const joined = [...words, ...words.map((word, at) => `${word}${words[at + 1] ?? ""}`)];
  for (const [word, effect] of meanings) {
    if (joined.some((one) => word.test(one))) return `${pattern}: ${effect}`;
  }
  return named.some((one) => overlap(one, pattern))
    ? `${pattern}: the playbook names these keys as a matter of security`
    : undefined;
}
