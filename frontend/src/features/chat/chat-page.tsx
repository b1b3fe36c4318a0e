import { ArrowDown } from "lucide-react";
import { useCallback, useMemo, useRef, useState } from "react";
import { useWords } from "@/i18n/language";
import { visiblePath } from "./branches";
import { useChat, useConversation } from "./chat-context";
import { type OpenSource, SourcePanelProvider } from "./citation-mark";
import { Composer } from "./composer";
import { EmptyState } from "./empty-state";
import { MessageList } from "./message-list";
import { Notices } from "./notices";
import { SourcePanel } from "./source-panel";
import { useAnnouncements } from "./use-announcements";
import { useChatShortcuts } from "./use-chat-shortcuts";
import { useStickyScroll } from "./use-sticky-scroll";
import "./chat-page.css";

export function ChatPage() {
  const words = useWords();
  const { conversation, preferences } = useChat();
  const tree = useConversation((state) => state.tree);
  const path = useMemo(() => visiblePath(tree), [tree]);
  const [opened, setOpened] = useState<OpenSource | null>(null);
  const panel = useMemo(() => ({ opened, open: setOpened }), [opened]);
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const { atEnd, toEnd } = useStickyScroll(frame, content, path.length > 0);
  const shown = opened && tree.exchanges[opened.exchangeKey];
  useAnnouncements(path.at(-1));
  useChatShortcuts(input);

  const ask = useCallback(
    (text: string) => {
      conversation.send(text, preferences.getState().thinking);
      toEnd();
      input.current?.focus();
    },
    [conversation, preferences, toEnd],
  );

  return (
    <SourcePanelProvider value={panel}>
      <div className="chat" data-panel={shown ? "open" : "closed"}>
        <div className="chat-column">
          {/* biome-ignore-start lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it */}
          <section className="chat-scroll" ref={frame} tabIndex={0} aria-label={words.log}>
            {/* biome-ignore-end lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it */}
            <div className="chat-content" ref={content}>
              <Notices demo={path.some((exchange) => exchange.demo)} />
              {path.length === 0 ? (
                <EmptyState onAsk={ask} />
              ) : (
                <MessageList exchanges={path} onAsk={ask} />
              )}
            </div>
          </section>
          <div className="chat-dock">
            {!atEnd && path.length > 0 && (
              <button type="button" className="to-latest" onClick={toEnd}>
                <ArrowDown aria-hidden="true" />
                {words.answer.toLatest}
              </button>
            )}
            <Composer input={input} onSent={toEnd} />
          </div>
        </div>
        {opened && shown && (
          <SourcePanel
            sources={shown.sources}
            n={opened.n}
            onChoose={(n) => setOpened({ ...opened, n })}
            onClose={() => setOpened(null)}
          />
        )}
      </div>
    </SourcePanelProvider>
  );
}
