import { Dialog } from "@/components/dialog";
import { useWords } from "@/i18n/language";

export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }) {
  const words = useWords();
  return (
    <Dialog title={words.shortcuts.title} closeLabel={words.privacy.close} onClose={onClose}>
      <dl className="shortcuts">
        {words.shortcuts.items.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
