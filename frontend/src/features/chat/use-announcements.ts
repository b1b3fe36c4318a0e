import { useEffect, useRef } from "react";
import { ProblemError } from "@/api/problem";
import { useAnnouncer } from "@/components/announcer";
import type { Words } from "@/i18n/en";
import { useWords } from "@/i18n/language";
import { type Exchange, isRunning } from "./exchange";
import { useProblemText } from "./problem-text";
import { statusText } from "./status-line";

/** Tells a screen reader what the latest exchange does, and its answer once, when it is whole. */
export function useAnnouncements(exchange: Exchange | undefined): void {
  const words = useWords();
  const problemText = useProblemText();
  const { status, message } = useAnnouncer();
  const running = useRef<string | null>(null);
  const text = exchange ? statusText(exchange, words) : "";

  useEffect(() => {
    if (text !== "") status(text);
  }, [text, status]);

  useEffect(() => {
    if (exchange === undefined) return;
    if (isRunning(exchange)) {
      running.current = exchange.key;
    } else if (running.current === exchange.key) {
      running.current = null;
      message(outcomeText(exchange, words, problemText));
    }
  }, [exchange, words, message, problemText]);
}

function outcomeText(
  exchange: Exchange,
  words: Words,
  problemText: (error: unknown) => string,
): string {
  const { block, problem, status, text } = exchange;
  if (block?.failed) return words.announce.failed(words.fault.rail);
  if (block) {
    const title = block.principle?.title ?? words.block.eyebrow;
    return words.announce.blocked(title, block.replacement.text);
  }
  if (status === "failed") {
    return words.announce.failed(problem ? problemText(new ProblemError(problem)) : "");
  }
  if (status === "stopped") return words.announce.stopped;
  return words.announce.completed(spoken(text));
}

/** Markdown without what nobody wants read out: markers, addresses, citation numbers. */
export function spoken(markdown: string): string {
  return markdown
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/\[\d{1,3}\]/g, "")
    .replaceAll(/^\s{0,3}(?:#{1,6}\s+|>\s?|[-*+]\s+|```.*$|\|?(?:\s*:?-+:?\s*\|)+.*$)/gm, "")
    .replaceAll(/[*_`~|]+/g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}
