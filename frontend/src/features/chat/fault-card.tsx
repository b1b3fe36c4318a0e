import { RotateCw, TriangleAlert } from "lucide-react";
import { useEffect, useState } from "react";
import type { Problem } from "@/api/events";
import { ProblemError } from "@/api/problem";
import { useWords } from "@/i18n/language";
import { useProblemText } from "./problem-text";
import "./card.css";

/** Something of ours failed. Unlike a principle's card it accuses nobody, and offers another try. */
export function FaultCard({
  problem,
  railFailed = false,
  decisionId,
  onRetry,
}: {
  readonly problem: Problem | null;
  /** A check could not decide. */
  readonly railFailed?: boolean;
  readonly decisionId?: string | undefined;
  readonly onRetry: (() => void) | null;
}) {
  const words = useWords();
  const problemText = useProblemText();
  const wait = useCountdown(problem?.retry_after_s ?? 0);
  const request = problem?.request_id || decisionId;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section would be one landmark a card
    <div className="card card-fault" role="group" aria-label={words.fault.eyebrow}>
      <p className="card-eyebrow">
        <TriangleAlert aria-hidden="true" />
        {words.fault.eyebrow}
      </p>
      <p>
        {railFailed || problem === null ? words.fault.rail : problemText(new ProblemError(problem))}
      </p>
      {onRetry !== null && (
        <button type="button" className="button" disabled={wait > 0} onClick={onRetry}>
          <RotateCw aria-hidden="true" />
          {wait > 0 ? words.fault.retryIn(wait) : words.fault.retry}
        </button>
      )}
      {request && (
        <footer className="card-foot">
          <span>
            {words.fault.request} <code>{request}</code>
          </span>
        </footer>
      )}
    </div>
  );
}

/** Whole seconds left of a wait. */
function useCountdown(seconds: number): number {
  const [left, setLeft] = useState(Math.ceil(seconds));
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => setLeft(left - 1), 1_000);
    return () => clearTimeout(timer);
  }, [left]);
  return left;
}
