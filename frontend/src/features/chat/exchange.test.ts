import { describe, expect, it } from "vitest";
import type { HistoryItem } from "@/api/events";
import { countCharacters, takeCharacters } from "./characters";
import { exchangeOf } from "./exchange";
import { spoken } from "./use-announcements";

const ITEM: HistoryItem = {
  run_id: "run-1",
  message_id: "message-1",
  parent_id: null,
  question: "Why?",
  text: "Because.",
  finish_reason: "stop",
  violation: null,
  citations: [],
  sources: [],
  follow_ups: [],
  metadata: null,
  at: "2026-01-01T00:00:00Z",
};

describe("an exchange of the history", () => {
  it("looks as if its stream had just been read", () => {
    expect(exchangeOf(ITEM, "en")).toMatchObject({
      key: "message-1",
      status: "completed",
      text: "Because.",
      length: 8,
      block: null,
    });
  });

  it("shows a block's text in its card, not as an answer", () => {
    const violation = {
      code: "constitutional_violation",
      principle: null,
      stage: "input",
      decision_id: "d",
      appealable: true,
      alternatives: [],
      failed: false,
    } as const;
    const item = { ...ITEM, question: "", violation: { ...violation, alternatives: [] } };
    const exchange = exchangeOf({ ...item, finish_reason: "blocked" }, "zh");

    expect(exchange).toMatchObject({ status: "blocked", text: "", question: "" });
    expect(exchange.block?.replacement).toEqual({ text: "Because.", lang: "zh" });
  });
});

describe("characters", () => {
  it("are code points", () => {
    expect(countCharacters("a𝄞您")).toBe(3);
    expect(takeCharacters("a𝄞您", 2)).toBe("a𝄞");
    expect(takeCharacters("abc", 2)).toBe("ab");
    expect(takeCharacters("abc", -1)).toBe("");
  });
});

describe("what is read out", () => {
  it("has no markers, addresses and citation numbers", () => {
    expect(spoken("## So\n\n- **one** [1]\n- [two](https://example.org)\n\n```js\nx\n```")).toBe(
      "So one two x",
    );
  });
});
