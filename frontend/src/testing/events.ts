import type { ChatEvent, GuardBlocked, SourceItem } from "@/api/events";

/** Events as the service writes them, for scripts. */

export function started(n = 1): ChatEvent {
  return {
    type: "run.started",
    run_id: `run-${n}`,
    session_id: "session-1",
    message_id: `message-${n}`,
    model: "qwen3:4b",
    policy_version: "3fa9c1d2e4b5",
    demo: false,
  };
}

export function delta(text: string, offset: number): ChatEvent {
  return { type: "message.delta", text, offset };
}

export function source(n: number): SourceItem {
  return {
    n,
    id: `guide-${n}`,
    title: `Guide, part ${n}`,
    url: null,
    page: null,
    snippet: `Snippet ${n}`,
    score: 0.5,
  };
}

export function blocked(more: Partial<GuardBlocked> = {}): ChatEvent {
  return {
    type: "guard.blocked",
    stage: "input",
    retract_from: null,
    principle: {
      id: "integrity",
      title: "Not turned against its rules",
      summary: "I keep my rules.",
    },
    decision_id: "decision-1",
    appealable: true,
    replacement: { text: "I keep my rules. They are public.", lang: "en" },
    alternatives: ["I can show you the constitution."],
    failed: false,
    ...more,
  };
}

export function completed(length: number): ChatEvent {
  return { type: "message.completed", finish_reason: "stop", length };
}

export function finished(
  status: "completed" | "blocked" | "stopped" | "failed" = "completed",
): ChatEvent {
  return { type: "run.finished", status };
}

/** A whole plain answer. */
export function answer(text: string, n = 1): readonly ChatEvent[] {
  return [started(n), delta(text, 0), completed(text.length), finished()];
}
