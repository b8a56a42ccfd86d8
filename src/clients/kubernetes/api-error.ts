import * as z from "zod";
import { BackoutError, type Effect, type ErrorCode } from "../../core/errors.js";
import { systemErrorCode } from "../../core/file-error.js";

/** What was asked, for messages: `PATCH deployments/api`. */
export interface Asked {
  readonly server: string;
  readonly user: string;
  readonly method: string;
  readonly path: string;
}

const status = z.object({ message: z.string().optional(), reason: z.string().optional() });

const says = (body: string): { message: string; reason: string } => {
  try {
    const read = status.parse(JSON.parse(body));
    return { message: read.message ?? "", reason: read.reason ?? "" };
  } catch {
    return { message: body.slice(0, 200).trim(), reason: "" };
  }
};

const codes: Readonly<Record<number, ErrorCode>> = {
  400: "REFUSED",
  401: "DENIED",
  403: "DENIED",
  404: "NOT_FOUND",
  405: "REFUSED",
  409: "CONFLICT",
  410: "CONFLICT",
  413: "REFUSED",
  422: "REFUSED",
  429: "UNREACHABLE",
  504: "TIMEOUT",
};

/** An answer that is no success. Nothing was changed by it, unless the server broke down over it. */
export function answerError(asked: Asked, code: number, body: string): BackoutError {
  const { message, reason } = says(body);
  const subject = `${asked.server}: ${asked.method} ${asked.path}`;
  const effect: Effect = code >= 500 && asked.method !== "GET" ? "unknown" : "none";
  if (code === 401) {
    return new BackoutError(
      "DENIED",
      `${asked.server}: does not accept the credentials of "${asked.user}": they are wrong, or have expired`,
      {
        effect,
        hint: "sign in again, then `kubectl auth can-i get pods` shows whether it helped; a pod's account has to be there still",
      },
    );
  }
  const hint =
    code === 403
      ? 'rights are missing, a quota is full or an admission rule refuses; docs/kubernetes.md, "Rights", has a role'
      : undefined;
  return new BackoutError(
    codes[code] ?? (code >= 500 ? "UNREACHABLE" : "REFUSED"),
    `${subject}: ${message === "" ? `answered ${code}` : message}`,
    { effect, details: { status: code, reason }, ...(hint === undefined ? {} : { hint }) },
  );
}

const neverSent = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** No answer. Whether a change was made is known only where the request cannot have arrived. */
export function noAnswer(asked: Asked, error: unknown): BackoutError {
  if (error instanceof BackoutError) return error;
  const code = systemErrorCode(error) ?? "";
  const text = error instanceof Error ? error.message : String(error);
  const untrusted = code.startsWith("ERR_TLS") || /^(CERT|DEPTH|SELF|UNABLE)/.test(code);
  const before = neverSent.has(code) || untrusted || asked.method === "GET";
  return new BackoutError(
    "UNREACHABLE",
    untrusted
      ? `${asked.server}: its certificate is not trusted: ${text}`
      : `${asked.server}: does not answer: ${code || text}`,
    {
      effect: before ? "none" : "unknown",
      cause: error,
      hint: "`kubectl cluster-info` asks the same server",
    },
  );
}

/** Whether the same call may be answered in a moment. */
export const passes = (error: unknown): boolean =>
  error instanceof BackoutError && (error.code === "UNREACHABLE" || error.code === "TIMEOUT");

export const isCode = (error: unknown, code: ErrorCode): boolean =>
  error instanceof BackoutError && error.code === code;
