import { useMutation } from "@tanstack/react-query";
import { ThumbsDown, ThumbsUp } from "lucide-react";
import type { FeedbackRequest } from "@/api/events";
import { useWords } from "@/i18n/language";
import { useChat } from "./chat-context";

type Reason = NonNullable<FeedbackRequest["reason"]>;

/** Thumbs for an answer; the one that points down asks why. */
export function useFeedback(messageId: string) {
  const { service } = useChat();
  return useMutation({
    mutationFn: (opinion: Pick<FeedbackRequest, "rating" | "reason">) =>
      service.feedback({ message_id: messageId, ...opinion }),
  });
}

export type Feedback = ReturnType<typeof useFeedback>;

export function FeedbackButtons({ feedback }: { readonly feedback: Feedback }) {
  const words = useWords();
  const rating = feedback.variables?.rating;
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-label={words.feedback.up}
        title={words.feedback.up}
        aria-pressed={rating === "up"}
        onClick={() => feedback.mutate({ rating: "up" })}
      >
        <ThumbsUp aria-hidden="true" />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label={words.feedback.down}
        title={words.feedback.down}
        aria-pressed={rating === "down"}
        onClick={() => feedback.mutate({ rating: "down" })}
      >
        <ThumbsDown aria-hidden="true" />
      </button>
    </>
  );
}

export function FeedbackReasons({ feedback }: { readonly feedback: Feedback }) {
  const words = useWords();
  const opinion = feedback.variables;
  if (feedback.isError) {
    return (
      <p className="card-note" role="alert">
        {words.feedback.failed}
      </p>
    );
  }
  if (opinion === undefined) return null;
  if (opinion.rating === "up" || opinion.reason != null) {
    return (
      <p className="card-note" role="status">
        {words.feedback.thanks}
      </p>
    );
  }
  return (
    <fieldset className="feedback-reasons">
      <legend>{words.feedback.why}</legend>
      {(Object.keys(words.feedback.reasons) as Reason[]).map((reason) => (
        <button
          key={reason}
          type="button"
          className="chip"
          onClick={() => feedback.mutate({ rating: "down", reason })}
        >
          {words.feedback.reasons[reason]}
        </button>
      ))}
    </fieldset>
  );
}
