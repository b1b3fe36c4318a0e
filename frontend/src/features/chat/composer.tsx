import { ArrowUp, Brain, Square } from "lucide-react";
import { type FormEvent, type RefObject, useLayoutEffect, useRef } from "react";
import { useWords } from "@/i18n/language";
import { useChat, useConversation, usePreferences } from "./chat-context";
import { EnterGuard } from "./enter-guard";
import "./composer.css";

/** Pixels the box grows to before it scrolls. */
const TALLEST = 240;

export function Composer({
  input,
  onSent,
}: {
  readonly input: RefObject<HTMLTextAreaElement | null>;
  readonly onSent: () => void;
}) {
  const words = useWords();
  const { conversation, preferences } = useChat();
  const running = useConversation((state) => state.running !== null);
  const draft = useConversation((state) => state.draft);
  const thinking = usePreferences((state) => state.thinking);
  const guard = useRef(new EnterGuard());

  // biome-ignore lint/correctness/useExhaustiveDependencies: the text decides the height
  useLayoutEffect(() => {
    const box = input.current;
    if (box === null) return;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, TALLEST)}px`;
  }, [draft, input]);

  function send(event?: FormEvent) {
    event?.preventDefault();
    const message = draft.trim();
    if (message === "" || running) return;
    conversation.setDraft("");
    conversation.send(message, thinking);
    onSent();
  }

  return (
    <form className="composer" onSubmit={send}>
      <textarea
        ref={input}
        id="composer"
        rows={1}
        dir="auto"
        aria-label={words.composer.label}
        aria-describedby="composer-hint"
        placeholder={words.composer.placeholder}
        autoComplete="off"
        value={draft}
        onChange={(event) => conversation.setDraft(event.target.value)}
        onCompositionStart={() => guard.current.compositionStarted()}
        onCompositionEnd={(event) => guard.current.compositionEnded(event.timeStamp)}
        onKeyDown={(event) => {
          if (!guard.current.sends(event.nativeEvent)) return;
          event.preventDefault();
          send();
        }}
      />
      <div className="composer-bar">
        <button
          type="button"
          className="toggle"
          aria-pressed={thinking}
          title={words.composer.thinkingHint}
          onClick={() => preferences.setState({ thinking: !thinking })}
        >
          <Brain aria-hidden="true" />
          {words.composer.thinking}
        </button>
        <span id="composer-hint" className="composer-hint">
          {words.composer.hint}
        </span>
        {running ? (
          <button
            type="button"
            className="send send-stop"
            aria-label={words.composer.stop}
            title={words.composer.stop}
            onClick={() => {
              void conversation.stop();
              input.current?.focus();
            }}
          >
            <Square aria-hidden="true" />
          </button>
        ) : (
          <button
            type="submit"
            className="send"
            aria-label={words.composer.send}
            title={words.composer.send}
            disabled={draft.trim() === ""}
          >
            <ArrowUp aria-hidden="true" />
          </button>
        )}
      </div>
    </form>
  );
}
