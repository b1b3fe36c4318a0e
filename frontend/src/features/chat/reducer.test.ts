import { describe, expect, it } from "vitest";
import type { ChatEvent } from "@/api/events";
import { answer, blocked, completed, delta, finished, source, started } from "@/testing/events";
import { type Exchange, newExchange } from "./exchange";
import { reduceExchange } from "./reducer";

function play(...events: readonly ChatEvent[]): Exchange {
  return events.reduce(reduceExchange, newExchange("key", null, "Why?"));
}

describe("reduceExchange", () => {
  it("puts an answer together and says how it came about", () => {
    const exchange = play(
      started(),
      { type: "status", phase: "retrieving", reason: null },
      { type: "sources", items: [source(1)] },
      delta("Because [1]", 0),
      { type: "citation", n: 1, source_id: "guide-1", start: 0, end: 7 },
      delta(".", 11),
      completed(12),
      { type: "follow_ups", items: ["And then?"] },
      {
        type: "usage",
        prompt_tokens: 3,
        completion_tokens: 4,
        cost_usd: null,
        ttft_ms: 5,
        rails_ms: 6,
        total_ms: 7,
        notes: [],
      },
      finished(),
    );

    expect(exchange).toMatchObject({
      status: "completed",
      messageId: "message-1",
      text: "Because [1].",
      length: 12,
      phase: null,
      finishReason: "stop",
      followUps: ["And then?"],
      usage: { prompt_tokens: 3, total_ms: 7 },
    });
    expect(exchange.citations).toHaveLength(1);
  });

  it("shows what is being done, and keeps the rung of the fallback apart from it", () => {
    const exchange = play(
      started(),
      { type: "status", phase: "answering", reason: null },
      { type: "status", phase: "degraded", reason: "extractive" },
    );

    expect(exchange.phase).toBe("answering");
    expect(exchange.degraded).toBe("extractive");
  });

  it("counts characters, not UTF-16 units", () => {
    const exchange = play(started(), delta("𝄞𝄞", 0), delta("!", 2));

    expect(exchange.text).toBe("𝄞𝄞!");
    expect(exchange.length).toBe(3);
  });

  it("replaces what a replay brings again", () => {
    const exchange = play(started(), delta("Hello", 0), delta("lo, you", 3));

    expect(exchange.text).toBe("Hello, you");
  });

  it("withdraws text from retract_from on, with everything that rests on it", () => {
    const exchange = play(
      started(),
      delta("𝄞 kept [1], gone [2]", 0),
      { type: "citation", n: 1, source_id: "a", start: 0, end: 6 },
      { type: "citation", n: 2, source_id: "b", start: 11, end: 16 },
      {
        type: "guard.modified",
        stage: "output",
        start: 12,
        end: 14,
        kind: "pii",
        principle_id: "privacy",
      },
      { type: "follow_ups", items: ["More?"] },
      blocked({ stage: "output", retract_from: 11 }),
      finished("blocked"),
    );

    expect(exchange.text).toBe("𝄞 kept [1],");
    expect(exchange.citations.map(({ n }) => n)).toEqual([1]);
    expect(exchange.modified).toEqual([]);
    expect(exchange.followUps).toEqual([]);
    expect(exchange).toMatchObject({ status: "blocked", retracted: true });
    expect(exchange.block).toMatchObject({ decision_id: "decision-1" });
  });

  it("keeps what was released when nothing is to be withdrawn", () => {
    const exchange = play(
      started(),
      delta("Safe part.", 0),
      blocked({ stage: "output", retract_from: null }),
    );

    expect(exchange.text).toBe("Safe part.");
    expect(exchange.retracted).toBe(false);
  });

  it("withdraws everything where a block says so", () => {
    expect(play(started(), delta("All", 0), blocked({ retract_from: 0 })).text).toBe("");
  });

  it("remembers masked passages", () => {
    const exchange = play(started(), delta("Call ***.", 0), {
      type: "guard.modified",
      stage: "output",
      start: 5,
      end: 8,
      kind: "pii",
      principle_id: "privacy",
    });

    expect(exchange.modified).toHaveLength(1);
  });

  it("keeps what was shown when a fault ends the answer", () => {
    const exchange = play(
      started(),
      delta("Half", 0),
      {
        type: "error",
        title: "Unavailable",
        status: 503,
        detail: "",
        code: "service_unavailable",
        request_id: "r",
        retry_after_s: 4,
      },
      finished("failed"),
    );

    expect(exchange).toMatchObject({
      text: "Half",
      status: "failed",
      problem: { code: "service_unavailable", retry_after_s: 4 },
    });
  });

  it("adds nothing to an answer that the person is stopping", () => {
    const before = { ...play(started(), delta("Seen", 0)), stopping: true };
    const after = [
      delta(" unseen", 4),
      { type: "citation", n: 1, source_id: "a", start: 4, end: 11 } as const,
      finished("stopped"),
    ].reduce(reduceExchange, before);

    expect(after).toMatchObject({ text: "Seen", status: "stopped", stopping: false });
    expect(after.citations).toEqual([]);
  });

  it("lets events of a newer service pass", () => {
    const before = play(...answer("Hi"));
    const unknown = { type: "mood.changed" } as unknown as ChatEvent;

    expect(reduceExchange(before, unknown)).toBe(before);
  });
});
