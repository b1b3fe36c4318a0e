import type { Words } from "@/i18n/en";
import type { Exchange } from "./exchange";

/** The branch that is shown, as Markdown a person can read. */
export function toMarkdown(path: readonly Exchange[], words: Words, now: Date): string {
  const parts = path.flatMap((exchange) => {
    const answer = [exchange.text, blockText(exchange)].filter(Boolean).join("\n\n");
    const sources = exchange.sources.map(
      ({ n, title, url }) => `${n}. ${url ? `[${title}](${url})` : title}`,
    );
    return [
      `## ${words.you}`,
      exchange.question || `*${words.answer.questionWithdrawn}*`,
      `## ${words.assistant}`,
      answer,
      ...(sources.length > 0 ? [`**${words.sources.title}**\n\n${sources.join("\n")}`] : []),
    ];
  });
  const date = now.toLocaleString(words.locale, { dateStyle: "long", timeStyle: "short" });
  return `${[`# ${words.assistant}`, date, ...parts].join("\n\n")}\n`;
}

function blockText({ block }: Exchange): string {
  if (block === null) return "";
  const title = block.principle ? `**${block.principle.title}**\n>\n> ` : "";
  return `> ${title}${block.replacement.text.replaceAll("\n", "\n> ")}`;
}

/** All branches, with what was said about each answer. */
export function toJson(exchanges: readonly Exchange[], now: Date): string {
  const kept = exchanges.map((exchange) => ({
    message_id: exchange.messageId,
    question: exchange.question,
    text: exchange.text,
    status: exchange.status,
    sources: exchange.sources,
    citations: exchange.citations,
    block: exchange.block,
    model: exchange.model,
    policy_version: exchange.policyVersion,
    usage: exchange.usage,
  }));
  return `${JSON.stringify({ exported_at: now.toISOString(), exchanges: kept }, null, 2)}\n`;
}
