/** By which a server, a database or a role ends what works or waits for long: none of them is meant for what backout does. */
const always = ["statement_timeout", "idle_in_transaction_session_timeout"];

/** Those that a server knows because of its version. */
export const newerTimeOuts = (major: number): string[] => [
  ...(major >= 14 ? ["idle_session_timeout"] : []),
  ...(major >= 17 ? ["transaction_timeout"] : []),
];

/** For `PGOPTIONS`: what is set there goes before what the database and the role say. */
export const withoutTimeOuts = (major: number): string =>
  [...always, ...newerTimeOuts(major)].map((name) => `-c ${name}=0`).join(" ");
