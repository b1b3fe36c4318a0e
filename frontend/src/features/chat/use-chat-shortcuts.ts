import { type RefObject, useEffect } from "react";
import { useChat } from "./chat-context";

/** `/` goes to the message box, Esc stops an answer. */
export function useChatShortcuts(input: RefObject<HTMLTextAreaElement | null>): void {
  const { conversation } = useChat();
  useEffect(() => {
    function stop() {
      if (!isDialogOpen()) void conversation.stop();
    }
    function focus(event: KeyboardEvent) {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    }
    const acts = new Map([
      ["Escape", stop],
      ["/", focus],
    ]);
    function onKey(event: KeyboardEvent) {
      if (!event.defaultPrevented && !event.isComposing) acts.get(event.key)?.(event);
    }
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [conversation, input]);
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function isDialogOpen(): boolean {
  return document.querySelector("dialog[open]") !== null;
}
