import { createContext, type ReactNode, useContext, useEffect } from "react";
import type { Language } from "@/api/session";
import { en, type Words } from "./en";
import { zh } from "./zh";

const WORDS: Readonly<Record<Language, Words>> = { en, zh };
const WordsContext = createContext<Words>(en);

export function preferredLanguage(languages: readonly string[] = navigator.languages): Language {
  for (const tag of languages) {
    if (tag.startsWith("zh")) return "zh";
    if (tag.startsWith("en")) return "en";
  }
  return "en";
}

/** Gives everything inside its words, and the document its language. */
export function LanguageProvider({
  language,
  children,
}: {
  readonly language: Language;
  readonly children: ReactNode;
}) {
  const words = WORDS[language];
  useEffect(() => {
    document.documentElement.lang = words.locale;
  }, [words]);
  return <WordsContext value={words}>{children}</WordsContext>;
}

export function useWords(): Words {
  return useContext(WordsContext);
}
