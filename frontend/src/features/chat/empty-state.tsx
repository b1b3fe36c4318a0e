import { Terminal } from "lucide-react";
import { useMemo } from "react";
import { Link } from "react-router";
import { CopyButton } from "@/components/copy-button";
import { useWords } from "@/i18n/language";
import { useSession } from "./chat-context";

/** How many ways to begin are shown. */
const STARTERS = 6;

/** What a person sees before the first question. */
export function EmptyState({ onAsk }: { readonly onAsk: (text: string) => void }) {
  const words = useWords();
  const started = useSession((state) => state.started);
  const starters = useMemo(() => {
    const offered = words.starters.map((starter) => ({ ...starter }));
    const known = new Set(offered.map(({ text }) => text));
    const own = (started?.suggestions ?? [])
      .filter((text) => !known.has(text) && sameScript(text, words.locale))
      .map((text) => ({ ability: "", text }));
    return [...own, ...offered].slice(0, STARTERS);
  }, [started, words]);

  const own = started?.message ?? "";
  const greeting = own !== "" && sameScript(own, words.locale) ? own : words.empty.lead;

  return (
    <div className="empty">
      <h1>{words.empty.title}</h1>
      <p className="empty-lead">
        {greeting} <Link to="/constitution">{words.empty.readConstitution}</Link>
      </p>
      <h2 className="visually-hidden">{words.empty.starters}</h2>
      <ul className="starters">
        {starters.map(({ ability, text }) => (
          <li key={text}>
            <button type="button" onClick={() => onAsk(text)}>
              {ability !== "" && <span className="starter-ability">{ability}</span>}
              <span dir="auto">{text}</span>
            </button>
          </li>
        ))}
      </ul>
      {started && started.notices.length > 0 && (
        <section className="empty-notices">
          <h2>{words.empty.notices}</h2>
          <ul>
            {started.notices.map((notice) => (
              <li key={notice} dir="auto">
                {notice}
              </li>
            ))}
          </ul>
        </section>
      )}
      <CurlExample />
    </div>
  );
}

/** The service speaks the language the session began in, which the page may have left since. */
function sameScript(text: string, locale: string): boolean {
  return /\p{Script=Han}/u.test(text) === locale.startsWith("zh");
}

function CurlExample() {
  const words = useWords();
  const question = words.starters[0]?.text ?? "";
  const command = curlCommand(window.location.origin, question);
  return (
    <details className="curl">
      <summary>
        <Terminal aria-hidden="true" />
        {words.empty.curl}
      </summary>
      <div className="curl-command">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it */}
        <pre tabIndex={0} dir="ltr">
          <code>{command}</code>
        </pre>
        <CopyButton text={command} label={words.answer.copyCode} />
      </div>
      <p>{words.empty.curlHint}</p>
    </details>
  );
}

/** Two lines for a terminal: get a token, then watch an answer arrive. */
export function curlCommand(origin: string, question: string): string {
  const body = JSON.stringify({ message: question }).replaceAll("'", "'\\''");
  return [
    `TOKEN=$(curl -s ${origin}/api/v1/chat/start -H 'Content-Type: application/json' -d '{}' | sed 's/.*"token": *"\\([^"]*\\)".*/\\1/')`,
    `curl -N ${origin}/api/v1/chat -H "Authorization: Bearer $TOKEN" -H 'Accept: text/event-stream' -H 'Content-Type: application/json' -d '${body}'`,
  ].join("\n");
}
