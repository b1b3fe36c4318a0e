import { Scale } from "lucide-react";
import { useId } from "react";
import { Link } from "react-router";
import { PlainText } from "@/components/plain-text";
import { useWords } from "@/i18n/language";
import { Appeal } from "./appeal";
import type { Exchange } from "./exchange";
import "./card.css";

/** What a person sees when a principle stopped something: which one, why, and what they can do. */
export function PrincipleCard({
  exchange,
  onAsk,
}: {
  readonly exchange: Exchange;
  /** Asks one of the alternatives. */
  readonly onAsk: (text: string) => void;
}) {
  const words = useWords();
  const titleId = useId();
  const { block, retracted, text } = exchange;
  if (block === null) return null;
  const { principle, replacement } = block;
  const alternatives = block.alternatives ?? [];
  const repeats = principle !== null && replacement.text.includes(principle.summary);

  return (
    // biome-ignore lint/a11y/useSemanticElements: a section would be one landmark a card
    <div className="card card-principle" role="group" aria-labelledby={titleId}>
      <p className="card-eyebrow">
        <Scale aria-hidden="true" />
        {retracted ? words.block.eyebrowWithdrawn : words.block.eyebrow}
      </p>
      <h3 id={titleId} dir="auto">
        {principle?.title ?? words.block.eyebrow}
      </h3>
      {principle && !repeats && (
        <p className="card-summary" dir="auto">
          {principle.summary}
        </p>
      )}
      <p lang={replacement.lang}>
        <PlainText text={replacement.text} />
      </p>
      <p className="card-note">
        {words.block.stage[block.stage]} {text !== "" && words.block.kept}
      </p>
      {alternatives.length > 0 && (
        <div className="card-alternatives">
          <h4>{words.block.alternatives}</h4>
          <ul>
            {alternatives.map((alternative) => (
              <li key={alternative}>
                <button
                  type="button"
                  className="chip"
                  dir="auto"
                  onClick={() => onAsk(words.block.accept(alternative))}
                >
                  {alternative}
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      {block.appealable && <Appeal block={block} question={exchange.question} />}
      <footer className="card-foot">
        {principle && <Link to={`/constitution#${principle.id}`}>{words.block.constitution}</Link>}
        <span>
          {words.block.decision} <code>{block.decision_id}</code>
        </span>
      </footer>
    </div>
  );
}
