import { useQuery } from "@tanstack/react-query";
import { ExternalLink, X } from "lucide-react";
import { useEffect, useRef } from "react";
import type { SourceItem, SourceView } from "@/api/events";
import { Markdown } from "@/components/markdown/markdown";
import { useWords } from "@/i18n/language";
import { useChat } from "./chat-context";
import "./source-panel.css";

/** Below this width the panel covers the conversation and is modal. */
const NARROW = "(max-width: 60rem)";

/** The sources of one answer, with the passage of the opened one. */
export function SourcePanel({
  sources,
  n,
  onChoose,
  onClose,
}: {
  readonly sources: readonly SourceItem[];
  readonly n: number;
  readonly onChoose: (n: number) => void;
  readonly onClose: () => void;
}) {
  const words = useWords();
  const panel = useRef<HTMLDialogElement>(null);
  const close = useRef<HTMLButtonElement>(null);
  const source = sources.find((item) => item.n === n);

  useEffect(() => {
    const dialog = panel.current;
    const opener = document.activeElement;
    if (matchMedia(NARROW).matches) dialog?.showModal();
    else dialog?.show();
    close.current?.focus();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);

  return (
    <dialog
      ref={panel}
      className="source-panel"
      aria-label={words.sources.title}
      onCancel={onClose}
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <div className="source-head">
        <h2>{words.sources.title}</h2>
        <button
          ref={close}
          type="button"
          className="icon-button"
          aria-label={words.sources.close}
          onClick={onClose}
        >
          <X aria-hidden="true" />
        </button>
      </div>
      <ol className="source-list">
        {sources.map((item) => (
          <li key={item.id}>
            <button
              type="button"
              aria-current={item.n === n ? "true" : undefined}
              onClick={() => onChoose(item.n)}
            >
              <span className="source-number">{item.n}</span>
              <span dir="auto">{item.title}</span>
            </button>
          </li>
        ))}
      </ol>
      {source && <Passage key={source.id} source={source} />}
    </dialog>
  );
}

function Passage({ source }: { readonly source: SourceItem }) {
  const words = useWords();
  const { service } = useChat();
  const { data, isPending, isError } = useQuery({
    queryKey: ["source", source.id],
    queryFn: ({ signal }) => service.source(source.id, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: 1,
  });
  const [before, after] = data ? neighbours(data) : [null, null];
  return (
    <article className="source-passage" aria-busy={isPending}>
      <h3 dir="auto">{data?.title ?? source.title}</h3>
      <Place
        heading={data?.heading}
        page={data?.page ?? source.page}
        url={data?.url ?? source.url}
      />
      <Neighbour label={words.sources.before} text={before} />
      <blockquote>
        <Markdown text={data?.text ?? source.snippet} streaming={data === undefined} />
      </blockquote>
      <Neighbour label={words.sources.after} text={after} />
      {isPending && <p className="source-note">{words.sources.loading}</p>}
      {isError && <p className="source-note">{words.sources.failed}</p>}
    </article>
  );
}

/** Where in the document the passage stands. */
function Place({
  heading,
  page,
  url,
}: {
  readonly heading: string | null | undefined;
  readonly page: number | null | undefined;
  readonly url: string | null | undefined;
}) {
  const words = useWords();
  return (
    <p className="source-place">
      {heading && <span dir="auto">{heading}</span>}
      {page != null && <span>{words.sources.page(page)}</span>}
      {url != null && /^https?:/i.test(url) && (
        <a href={url} target="_blank" rel="noreferrer noopener">
          {words.sources.original}
          <ExternalLink aria-hidden="true" className="external-mark" />
        </a>
      )}
    </p>
  );
}

function Neighbour({ label, text }: { readonly label: string; readonly text: string | null }) {
  return text === null ? null : (
    <details className="source-neighbour">
      <summary>{label}</summary>
      <Markdown text={text} />
    </details>
  );
}

/** The passages before and after. Of a single one nobody says where it stands: it is shown after. */
function neighbours(view: SourceView): readonly [string | null, string | null] {
  const [first, second] = view.neighbours;
  if (second !== undefined) return [first?.text ?? null, second.text];
  return [null, first?.text ?? null];
}
