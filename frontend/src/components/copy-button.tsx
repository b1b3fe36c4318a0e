import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { useWords } from "@/i18n/language";
import { copyText } from "@/platform/clipboard";
import { useAnnouncer } from "./announcer";

/** Milliseconds for which a copy is confirmed. */
const CONFIRMED = 1_600;

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const words = useWords();
  const { status } = useAnnouncer();
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), CONFIRMED);
    return () => clearTimeout(timer);
  }, [copied]);

  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={async () => {
        if (!(await copyText(text))) return;
        setCopied(true);
        status(words.announce.copied);
      }}
    >
      {copied ? <Check aria-hidden="true" /> : <Copy aria-hidden="true" />}
    </button>
  );
}
