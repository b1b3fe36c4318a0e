import { Dialog } from "@/components/dialog";
import { useSession } from "@/features/chat/chat-context";
import { useWords } from "@/i18n/language";

/** What is kept, and for how long. */
export function PrivacyDialog({ onClose }: { readonly onClose: () => void }) {
  const words = useWords();
  const until = useSession((state) => state.started?.session_expires_at ?? null);
  const time =
    until === null
      ? null
      : new Date(until).toLocaleString(words.locale, { dateStyle: "medium", timeStyle: "short" });
  return (
    <Dialog title={words.privacy.title} closeLabel={words.privacy.close} onClose={onClose}>
      <ul className="prose-list">
        {words.privacy.items(time).map((item) => (
          <li key={item}>{item}</li>
        ))}
      </ul>
    </Dialog>
  );
}
