import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useLocation } from "react-router";
import { readConstitution } from "@/api/service";
import type { Language } from "@/api/session";
import { useWords } from "@/i18n/language";
import { Principle } from "./principle";
import "./constitution-page.css";

/** The published principles, for everybody. */
export function ConstitutionPage() {
  const words = useWords();
  const language: Language = words.locale.startsWith("zh") ? "zh" : "en";
  const { data, isPending, isError, refetch } = useQuery({
    queryKey: ["constitution", language],
    queryFn: ({ signal }) => readConstitution(language, signal),
  });
  useScrollToHash(data !== undefined);

  return (
    <div className="constitution">
      <header>
        <h1>{words.constitution.title}</h1>
        <p className="constitution-lead">{words.constitution.lead}</p>
        {data && (
          <p className="constitution-version">
            {words.constitution.version} <code>{data.policy_version}</code>
          </p>
        )}
      </header>
      {isPending && <p role="status">{words.constitution.loading}</p>}
      {isError && (
        <div role="alert">
          <p>{words.constitution.failed}</p>
          <button type="button" className="button" onClick={() => void refetch()}>
            {words.constitution.retry}
          </button>
        </div>
      )}
      {data && (
        <div className="constitution-body">
          <nav aria-label={words.constitution.contents} className="constitution-contents">
            <ol>
              {data.principles.map(({ id, title }) => (
                <li key={id}>
                  <a href={`#${id}`}>{title}</a>
                </li>
              ))}
            </ol>
          </nav>
          <div>
            <ol className="principles">
              {data.principles.map((principle, index) => (
                <Principle key={principle.id} principle={principle} number={index + 1} />
              ))}
            </ol>
            <section className="constitution-how">
              <h2>{words.constitution.how}</h2>
              <ol>
                {words.constitution.howSteps.map((step) => (
                  <li key={step}>{step}</li>
                ))}
              </ol>
            </section>
          </div>
        </div>
      )}
    </div>
  );
}

/** The browser looks for a link's target before the principles are there. */
function useScrollToHash(ready: boolean): void {
  const { hash } = useLocation();
  useEffect(() => {
    if (ready && hash !== "") document.getElementById(hash.slice(1))?.scrollIntoView();
  }, [ready, hash]);
}
