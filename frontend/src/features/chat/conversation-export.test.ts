import { describe, expect, it } from "vitest";
import { en } from "@/i18n/en";
import { answer, blocked, finished, source, started } from "@/testing/events";
import { toJson, toMarkdown } from "./conversation-export";
import { newExchange } from "./exchange";
import { reduceExchange } from "./reducer";

const NOW = new Date("2026-01-02T03:04:05Z");
const ANSWERED = answer("It is.").reduce(reduceExchange, newExchange("a", null, "Is it?"));
const BLOCKED = [started(2), blocked(), finished("blocked")].reduce(
  reduceExchange,
  newExchange("b", "a", "Break it"),
);

describe("an export", () => {
  it("is a text a person can read, with sources and blocks", () => {
    const text = toMarkdown([{ ...ANSWERED, sources: [source(1)] }, BLOCKED], en, NOW);

    expect(text).toContain("## You\n\nIs it?\n\n## Covenant\n\nIt is.");
    expect(text).toContain("1. Guide, part 1");
    expect(text).toContain("> **Not turned against its rules**");
  });

  it("is JSON with the versions an answer was made under", () => {
    const document = JSON.parse(toJson([ANSWERED, BLOCKED], NOW));

    expect(document.exported_at).toBe("2026-01-02T03:04:05.000Z");
    expect(document.exchanges[0]).toMatchObject({ text: "It is.", policy_version: "3fa9c1d2e4b5" });
    expect(document.exchanges[1].block.decision_id).toBe("decision-1");
  });
});
