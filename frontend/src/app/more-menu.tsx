import { Braces, Ellipsis, FileDown, Keyboard, ShieldCheck, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";
import { Menu } from "@/components/menu";
import { visiblePath } from "@/features/chat/branches";
import { useChat, useConversation, usePreferences } from "@/features/chat/chat-context";
import { toJson, toMarkdown } from "@/features/chat/conversation-export";
import { EraseDialog } from "@/features/chat/erase-dialog";
import { isTyping } from "@/features/chat/use-chat-shortcuts";
import { useWords } from "@/i18n/language";
import { saveFile } from "@/platform/download";
import { THEMES } from "@/platform/preferences";
import { PrivacyDialog } from "./privacy-dialog";
import { ShortcutsDialog } from "./shortcuts-dialog";

type Opened = "privacy" | "shortcuts" | "erase" | null;

/** What is needed now and then: appearance, export, privacy, shortcuts. */
export function MoreMenu() {
  const words = useWords();
  const { conversation, preferences } = useChat();
  const theme = usePreferences((state) => state.theme);
  const empty = useConversation((state) => state.tree.order.length === 0);
  const [opened, setOpened] = useState<Opened>(null);

  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (event.key === "?" && !isTyping(event.target)) setOpened("shortcuts");
    }
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  function save(format: "markdown" | "json") {
    const { tree } = conversation.store.getState();
    const now = new Date();
    if (format === "markdown") {
      saveFile("conversation.md", "text/markdown", toMarkdown(visiblePath(tree), words, now));
    } else {
      const all = tree.order.flatMap((key) => tree.exchanges[key] ?? []);
      saveFile("conversation.json", "application/json", toJson(all, now));
    }
  }

  return (
    <>
      <Menu label={words.nav.more} icon={<Ellipsis aria-hidden="true" />}>
        {(close) => {
          function item(icon: typeof Braces, label: string, act: () => void, disabled = false) {
            const Icon = icon;
            return (
              <button
                type="button"
                disabled={disabled}
                onClick={() => {
                  close();
                  act();
                }}
              >
                <Icon aria-hidden="true" />
                {label}
              </button>
            );
          }
          return (
            <>
              <fieldset>
                <legend>{words.nav.theme}</legend>
                {THEMES.map((choice) => (
                  <button
                    key={choice}
                    type="button"
                    aria-pressed={choice === theme}
                    onClick={() => preferences.setState({ theme: choice })}
                  >
                    {words.nav.themes[choice]}
                  </button>
                ))}
              </fieldset>
              <hr />
              {item(FileDown, words.menu.exportMarkdown, () => save("markdown"), empty)}
              {item(Braces, words.menu.exportJson, () => save("json"), empty)}
              {item(Keyboard, words.menu.shortcuts, () => setOpened("shortcuts"))}
              {item(ShieldCheck, words.menu.privacy, () => setOpened("privacy"))}
              <hr />
              {item(Trash2, words.menu.erase, () => setOpened("erase"), empty)}
            </>
          );
        }}
      </Menu>
      {opened === "privacy" && <PrivacyDialog onClose={() => setOpened(null)} />}
      {opened === "shortcuts" && <ShortcutsDialog onClose={() => setOpened(null)} />}
      {opened === "erase" && <EraseDialog onClose={() => setOpened(null)} />}
    </>
  );
}
