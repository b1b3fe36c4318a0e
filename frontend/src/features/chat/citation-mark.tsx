import { createContext, useContext } from "react";
import { useWords } from "@/i18n/language";

export interface OpenSource {
  readonly exchangeKey: string;
  readonly n: number;
}

interface SourcePanelState {
  readonly opened: OpenSource | null;
  readonly open: (source: OpenSource) => void;
}

const SourcePanelContext = createContext<SourcePanelState>({ opened: null, open: () => {} });

export const SourcePanelProvider = SourcePanelContext.Provider;

export function useSourcePanel(): SourcePanelState {
  return useContext(SourcePanelContext);
}

/** A numbered mark in an answer; opens the passage it stands for. */
export function CitationMark({ exchangeKey, n, title }: OpenSource & { readonly title: string }) {
  const words = useWords();
  const { opened, open } = useSourcePanel();
  const isOpen = opened?.exchangeKey === exchangeKey && opened.n === n;
  return (
    <button
      type="button"
      className="citation-mark"
      aria-label={words.sources.mark(n, title)}
      aria-expanded={isOpen}
      title={title}
      onClick={() => open({ exchangeKey, n })}
    >
      {n}
    </button>
  );
}
