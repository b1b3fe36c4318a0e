import { ChevronLeft, ChevronRight } from "lucide-react";
import { useShallow } from "zustand/react/shallow";
import { useWords } from "@/i18n/language";
import { siblings } from "./branches";
import { useChat, useConversation } from "./chat-context";
import type { Exchange } from "./exchange";

/** Goes through the versions of an exchange: edited questions and other answers. */
export function BranchSwitch({ exchange }: { readonly exchange: Exchange }) {
  const words = useWords();
  const { conversation } = useChat();
  const versions = useConversation(useShallow(({ tree }) => siblings(tree, exchange.parentKey)));
  const position = versions.indexOf(exchange.key);
  if (versions.length < 2) return null;

  function step(icon: typeof ChevronLeft, label: string, by: -1 | 1) {
    const Icon = icon;
    const target = versions[position + by];
    return (
      <button
        type="button"
        className="icon-button"
        aria-label={label}
        title={label}
        disabled={target === undefined}
        onClick={() => target !== undefined && conversation.choose(target)}
      >
        <Icon aria-hidden="true" />
      </button>
    );
  }

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <span
      className="branch-switch"
      role="group"
      aria-label={words.answer.branch(position + 1, versions.length)}
    >
      {step(ChevronLeft, words.answer.previousBranch, -1)}
      <span aria-hidden="true">
        {position + 1}/{versions.length}
      </span>
      {step(ChevronRight, words.answer.nextBranch, 1)}
    </span>
  );
}
