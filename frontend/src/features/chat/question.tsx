import { Pencil } from "lucide-react";
import { useState } from "react";
import { useWords } from "@/i18n/language";
import { useChat, useConversation, usePreferences } from "./chat-context";
import { EnterGuard } from "./enter-guard";
import type { Exchange } from "./exchange";

/** What the person asked; can be asked differently, as a branch beside it. */
export function Question({ exchange }: { readonly exchange: Exchange }) {
  const words = useWords();
  const [editing, setEditing] = useState(false);
  const busy = useConversation((state) => state.running !== null);
  if (editing) return <EditQuestion exchange={exchange} onDone={() => setEditing(false)} />;
  if (exchange.question === "") {
    return <p className="question-withdrawn">{words.answer.questionWithdrawn}</p>;
  }
  return (
    <div className="question">
      <p dir="auto">
        <span className="visually-hidden">{words.you}: </span>
        {exchange.question}
      </p>
      <button
        type="button"
        className="icon-button question-edit"
        aria-label={words.answer.edit}
        title={words.answer.edit}
        disabled={busy}
        onClick={() => setEditing(true)}
      >
        <Pencil aria-hidden="true" />
      </button>
    </div>
  );
}

function EditQuestion({
  exchange,
  onDone,
}: {
  readonly exchange: Exchange;
  readonly onDone: () => void;
}) {
  const words = useWords();
  const { conversation } = useChat();
  const thinking = usePreferences((state) => state.thinking);
  const [text, setText] = useState(exchange.question);
  const [guard] = useState(() => new EnterGuard());

  function ask() {
    const message = text.trim();
    if (message === "") return;
    conversation.edit(exchange.key, message, thinking);
    onDone();
  }

  return (
    <form
      className="question-form"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      <textarea
        rows={3}
        dir="auto"
        aria-label={words.answer.editLabel}
        // biome-ignore lint/a11y/noAutofocus: the person just asked to edit this
        autoFocus
        value={text}
        onChange={(event) => setText(event.target.value)}
        onCompositionStart={() => guard.compositionStarted()}
        onCompositionEnd={(event) => guard.compositionEnded(event.timeStamp)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onDone();
          if (!guard.sends(event.nativeEvent)) return;
          event.preventDefault();
          ask();
        }}
      />
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onDone}>
          {words.answer.cancel}
        </button>
        <button type="submit" className="button button-primary">
          {words.answer.saveEdit}
        </button>
      </div>
    </form>
  );
}
