import { useWords } from "@/i18n/language";
import type { Exchange } from "./exchange";

/** Model, tokens, cost and time of an answer. */
export function UsageDetails({ exchange }: { readonly exchange: Exchange }) {
  const words = useWords();
  const { usage } = exchange;
  const number = new Intl.NumberFormat(words.locale);
  const money = new Intl.NumberFormat(words.locale, {
    style: "currency",
    currency: "USD",
    minimumFractionDigits: 2,
    maximumFractionDigits: 6,
  });
  function time(milliseconds: number): string {
    return milliseconds < 1_000
      ? words.usage.milliseconds(number.format(Math.round(milliseconds)))
      : words.usage.seconds(number.format(Math.round(milliseconds / 100) / 10));
  }
  const rows: (readonly [string, string | null | undefined])[] = [
    [words.usage.model, exchange.model],
    [
      words.usage.tokens,
      usage &&
        words.usage.tokensValue(
          number.format(usage.prompt_tokens),
          number.format(usage.completion_tokens),
        ),
    ],
    [
      words.usage.cost,
      usage && (usage.cost_usd == null ? words.usage.costUnknown : money.format(usage.cost_usd)),
    ],
    [words.usage.first, usage?.ttft_ms == null ? null : time(usage.ttft_ms)],
    [words.usage.rails, usage && time(usage.rails_ms)],
    [words.usage.total, usage && time(usage.total_ms)],
    [words.usage.checks, remarks(usage?.notes ?? [], words.usage.notes)],
    [words.usage.policy, exchange.policyVersion],
    [words.usage.decision, exchange.runId],
  ];
  return (
    <dl className="usage">
      {rows.map(([term, value]) =>
        value == null ? null : (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function remarks(notes: readonly string[], texts: Readonly<Record<string, string>>): string | null {
  return notes.flatMap((note) => texts[note] ?? []).join(" ") || null;
}
