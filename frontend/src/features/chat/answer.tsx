import { Info, RefreshCw } from "lucide-react";
import { Fragment, useCallback, useMemo, useState } from "react";
import { Link } from "react-router";
import { CopyButton } from "@/components/copy-button";
import { Markdown } from "@/components/markdown/markdown";
import { useWords } from "@/i18n/language";
import { BranchSwitch } from "./branch-switch";
import { useChat, useConversation, usePreferences } from "./chat-context";
import { CitationMark } from "./citation-mark";
import { type Exchange, isRunning } from "./exchange";
import { FaultCard } from "./fault-card";
import { FeedbackButtons, FeedbackReasons, useFeedback } from "./feedback";
import { PrincipleCard } from "./principle-card";
import { StatusLine } from "./status-line";
import { UsageDetails } from "./usage-details";

/** An answer with everything that is said about it. */
export function Answer({
  exchange,
  onAsk,
}: {
  readonly exchange: Exchange;
  readonly onAsk: (text: string) => void;
}) {
  const words = useWords();
  return (
    <div className="answer" data-status={exchange.status}>
      <span className="visually-hidden">{words.assistant}: </span>
      <Reasoning exchange={exchange} />
      <AnswerText exchange={exchange} />
      <StatusLine exchange={exchange} />
      <Outcome exchange={exchange} onAsk={onAsk} />
      {!isRunning(exchange) && <AnswerActions exchange={exchange} />}
    </div>
  );
}

function Reasoning({ exchange }: { readonly exchange: Exchange }) {
  const words = useWords();
  if (exchange.reasoning === "") return null;
  return (
    <details className="reasoning">
      <summary>{words.answer.reasoning}</summary>
      <Markdown text={exchange.reasoning} streaming={isRunning(exchange)} />
    </details>
  );
}

function AnswerText({ exchange }: { readonly exchange: Exchange }) {
  const { key, sources, text } = exchange;
  const titles = useMemo(() => new Map(sources.map(({ n, title }) => [n, title])), [sources]);
  const citable = useMemo(() => new Set(titles.keys()), [titles]);
  const renderMark = useCallback(
    (n: number) => <CitationMark exchangeKey={key} n={n} title={titles.get(n) ?? ""} />,
    [key, titles],
  );
  if (text === "") return null;
  return (
    <Markdown
      text={text}
      streaming={isRunning(exchange)}
      citable={citable}
      renderMark={renderMark}
    />
  );
}

/** How the answer came about and ended, where that is worth a word. */
function Outcome({
  exchange,
  onAsk,
}: {
  readonly exchange: Exchange;
  readonly onAsk: (text: string) => void;
}) {
  const words = useWords();
  const { conversation } = useChat();
  const thinking = usePreferences((state) => state.thinking);
  const { block, degraded, finishReason, key, modified, problem, question, status } = exchange;
  const retry = question === "" ? null : () => conversation.retry(key, thinking);
  return (
    <>
      <ModifiedNote modified={modified} />
      {degraded !== null && <p className="answer-note">{degradedText(degraded, words.degraded)}</p>}
      {status === "stopped" && <p className="answer-note">{words.answer.stopped}</p>}
      {finishReason === "length" && <p className="answer-note">{words.answer.cut}</p>}
      {block !== null && !block.failed && <PrincipleCard exchange={exchange} onAsk={onAsk} />}
      {block?.failed && (
        <FaultCard problem={null} railFailed decisionId={block.decision_id} onRetry={retry} />
      )}
      {status === "failed" && !block?.failed && <FaultCard problem={problem} onRetry={retry} />}
    </>
  );
}

/** Words were masked or revised on the way: how often, and under which principle. */
function ModifiedNote({ modified }: Pick<Exchange, "modified">) {
  const words = useWords();
  const shown = modified.filter(({ stage }) => stage !== "retrieval");
  if (shown.length === 0) return null;
  const principles = [...new Set(shown.map(({ principle_id }) => principle_id))];
  return (
    <p className="answer-note answer-note-principle">
      {words.answer.masked(shown.length)}
      {principles.map((id) => (
        <Fragment key={id}>
          {" "}
          <Link to={`/constitution#${id}`}>{words.block.constitution}</Link>
        </Fragment>
      ))}
    </p>
  );
}

function degradedText(reason: string, texts: Readonly<Record<string, string>>): string {
  return texts[reason] ?? texts["other"] ?? "";
}

function AnswerActions({ exchange }: { readonly exchange: Exchange }) {
  const words = useWords();
  const { conversation } = useChat();
  const busy = useConversation((state) => state.running !== null);
  const thinking = usePreferences((state) => state.thinking);
  const [details, setDetails] = useState(false);
  const { key, messageId, question, status, text } = exchange;
  const feedback = useFeedback(messageId ?? "");
  const rateable = messageId !== null && status !== "failed" && !exchange.block?.failed;
  const repeatable = messageId !== null && question !== "" && text !== "" && status !== "failed";
  return (
    <>
      <div className="answer-actions">
        <BranchSwitch exchange={exchange} />
        {text !== "" && <CopyButton text={text} label={words.answer.copy} />}
        {repeatable && (
          <button
            type="button"
            className="icon-button"
            aria-label={words.answer.regenerate}
            title={words.answer.regenerate}
            disabled={busy}
            onClick={() => conversation.regenerate(key, thinking)}
          >
            <RefreshCw aria-hidden="true" />
          </button>
        )}
        {rateable && <FeedbackButtons feedback={feedback} />}
        {exchange.model !== null && (
          <button
            type="button"
            className="icon-button"
            aria-label={words.answer.details}
            title={words.answer.details}
            aria-expanded={details}
            onClick={() => setDetails(!details)}
          >
            <Info aria-hidden="true" />
          </button>
        )}
      </div>
      <FeedbackReasons feedback={feedback} />
      {details && <UsageDetails exchange={exchange} />}
    </>
  );
}
