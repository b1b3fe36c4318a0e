import { memo } from "react";
import { useWords } from "@/i18n/language";
import { Answer } from "./answer";
import { type Exchange, isRunning } from "./exchange";
import { Question } from "./question";
import "./message-list.css";

/** The exchanges of the branch that is shown. */
export function MessageList({
  exchanges,
  onAsk,
}: {
  readonly exchanges: readonly Exchange[];
  readonly onAsk: (text: string) => void;
}) {
  const words = useWords();
  return (
    <div className="message-list">
      <h1 className="visually-hidden">{words.log}</h1>
      {exchanges.map((exchange, index) => (
        <ExchangeView
          key={exchange.key}
          exchange={exchange}
          number={index + 1}
          latest={index === exchanges.length - 1}
          onAsk={onAsk}
        />
      ))}
    </div>
  );
}

/** Rendered again only when its own exchange changes, however long the conversation is. */
const ExchangeView = memo(function ExchangeView({
  exchange,
  number,
  latest,
  onAsk,
}: {
  readonly exchange: Exchange;
  readonly number: number;
  readonly latest: boolean;
  readonly onAsk: (text: string) => void;
}) {
  const words = useWords();
  return (
    <article className="exchange" aria-busy={isRunning(exchange)} data-latest={latest}>
      <h2 className="visually-hidden">{words.exchange(number)}</h2>
      <Question exchange={exchange} />
      <Answer exchange={exchange} onAsk={onAsk} />
      {latest && exchange.followUps.length > 0 && !isRunning(exchange) && (
        // biome-ignore lint/a11y/useSemanticElements: a section would be a landmark too many
        <div className="follow-ups" role="group" aria-label={words.answer.followUps}>
          {exchange.followUps.map((text) => (
            <button
              key={text}
              type="button"
              className="chip"
              dir="auto"
              onClick={() => onAsk(text)}
            >
              {text}
            </button>
          ))}
        </div>
      )}
    </article>
  );
});
