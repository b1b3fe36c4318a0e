import { Languages } from "lucide-react";
import type { Language } from "@/api/session";
import { useChat, usePreferences } from "@/features/chat/chat-context";

const OTHER = {
  en: { language: "zh", name: "中文", lang: "zh-CN" },
  zh: { language: "en", name: "English", lang: "en" },
} as const satisfies Record<Language, { language: Language; name: string; lang: string }>;

/** Switches to the other language; named in that language, so that who needs it can read it. */
export function LanguageSwitch() {
  const { preferences } = useChat();
  const other = OTHER[usePreferences((state) => state.language)];
  return (
    <button
      type="button"
      className="language-switch"
      lang={other.lang}
      onClick={() => preferences.setState({ language: other.language })}
    >
      <Languages aria-hidden="true" />
      {other.name}
    </button>
  );
}
