import type { Words } from "@/i18n/en";
import { useWords } from "@/i18n/language";
import { type Exchange, isRunning } from "./exchange";

/** What an exchange is doing, in words; empty once it is done. */
export function statusText(exchange: Exchange, words: Words): string {
  if (!isRunning(exchange)) return "";
  if (exchange.stopping) return words.phase.stopping;
  if (exchange.reconnecting > 0) return words.phase.reconnecting(exchange.reconnecting);
  return words.phase[exchange.phase ?? "sending"];
}

/** Shown under an answer while it is made. Screen readers hear it from the announcer instead. */
export function StatusLine({ exchange }: { readonly exchange: Exchange }) {
  const text = statusText(exchange, useWords());
  if (text === "") return null;
  return (
    <p className="status-line" data-phase={exchange.reconnecting > 0 ? "lost" : exchange.phase}>
      <span className="pulse" aria-hidden="true" />
      {text}
    </p>
  );
}
