import { describe, expect, it } from "vitest";
import { ageText, bytesText, clockText, localText, preciseText, sinceText } from "./format.js";

const at = Date.UTC(2026, 10, 22, 5, 46, 44, 120);
const minute = 60_000;

describe("times", () => {
  it.each([
    [0, "just now"],
    [5400, "5 s ago"],
    [90_000, "1 min 30 s ago"],
    [12 * minute, "12 min ago"],
    [100 * minute, "100 min ago"],
    [150 * minute, "2 h ago"],
    [3 * 1440 * minute, "3 d ago"],
    [-5000, "in 5 s"],
  ])("%d ms later it was %s", (ms, text) => expect(ageText(at, at + ms)).toBe(text));

  it("are shown in the zone that is asked for", () => {
    expect(clockText(at, 0)).toBe("05:46:44");
    expect(preciseText(at, 60)).toBe("06:46:44.120");
    expect(localText(at, -360)).toBe("2026-11-21 23:46:44");
  });

  it("carry a date only on another day", () => {
    expect(sinceText(at, at + 60 * minute, 0)).toBe("05:46:44");
    expect(sinceText(at, at + 1440 * minute, 0)).toBe("2026-11-22 05:46");
  });
});

it("bytes have a unit that people read", () => expect(bytesText(41_234_567)).toBe("41.2 MB"));
