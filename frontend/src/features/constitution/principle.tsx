import type { Constitution } from "@/api/events";
import { useWords } from "@/i18n/language";

export function Principle({
  principle,
  number,
}: {
  readonly principle: Constitution["principles"][number];
  readonly number: number;
}) {
  const words = useWords();
  const { id, title, text, summary } = principle;
  return (
    <li id={id} className="principle">
      <span className="principle-number" aria-hidden="true">
        {number}
      </span>
      <h2>
        <a href={`#${id}`} aria-label={`${title}. ${words.constitution.link}`}>
          {title}
        </a>
      </h2>
      <p dir="auto">{text}</p>
      <p className="principle-summary" dir="auto">
        <span className="visually-hidden">{words.constitution.summary}: </span>
        {summary}
      </p>
    </li>
  );
}
