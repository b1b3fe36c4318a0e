import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { UserRoundSearch } from "lucide-react";
import { useId, useState } from "react";
import type { AppealAnswer } from "@/api/events";
import { Dialog } from "@/components/dialog";
import { PlainText } from "@/components/plain-text";
import { useWords } from "@/i18n/language";
import { useChat } from "./chat-context";
import type { Block } from "./exchange";
import { useProblemText } from "./problem-text";

/** Milliseconds between two looks at whether a person has answered. */
const LOOK_AGAIN = 30_000;

/** Ask a person to look at a block, and see what came of it. */
export function Appeal({ block, question }: { readonly block: Block; readonly question: string }) {
  const words = useWords();
  const { service } = useChat();
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const key = ["appeal", block.decision_id];
  const { data } = useQuery<AppealAnswer | null>({
    queryKey: key,
    queryFn: ({ signal }) => {
      const known = queries.getQueryData<AppealAnswer | null>(key);
      return known ? service.appealStatus(known.id, signal) : null;
    },
    refetchInterval: (query) => (query.state.data?.status === "open" ? LOOK_AGAIN : false),
    staleTime: LOOK_AGAIN,
    gcTime: Number.POSITIVE_INFINITY,
  });

  if (data) return <AppealState appeal={data} />;
  return (
    <>
      <button type="button" className="button" onClick={() => setAsking(true)}>
        <UserRoundSearch aria-hidden="true" />
        {words.block.appeal}
      </button>
      {asking && (
        <AppealDialog
          block={block}
          question={question}
          onClose={() => setAsking(false)}
          onAppealed={(appeal) => {
            queries.setQueryData(key, appeal);
            setAsking(false);
          }}
        />
      )}
    </>
  );
}

function AppealState({ appeal }: { readonly appeal: AppealAnswer }) {
  const words = useWords();
  const erased = new Date(appeal.expires_at).toLocaleDateString(words.locale, {
    dateStyle: "medium",
  });
  return (
    <div className="appeal" role="status" data-status={appeal.status}>
      <p>{words.block.appealStatus[appeal.status]}</p>
      {appeal.answer != null && (
        <blockquote>
          <PlainText text={appeal.answer} />
        </blockquote>
      )}
      <p className="card-note">{words.block.appealErased(erased)}</p>
    </div>
  );
}

function AppealDialog({
  block,
  question,
  onClose,
  onAppealed,
}: {
  readonly block: Block;
  readonly question: string;
  readonly onClose: () => void;
  readonly onAppealed: (appeal: AppealAnswer) => void;
}) {
  const words = useWords();
  const { service } = useChat();
  const problemText = useProblemText();
  const [reason, setReason] = useState("");
  const [sendText, setSendText] = useState(question !== "");
  const hintId = useId();
  const sending = useMutation({
    mutationFn: () =>
      service.appeal({
        decision_id: block.decision_id,
        reason: reason.trim() || null,
        text: sendText ? question : null,
      }),
    onSuccess: onAppealed,
  });

  return (
    <Dialog title={words.block.appealTitle} closeLabel={words.answer.cancel} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          sending.mutate();
        }}
      >
        <p>{words.block.appealLead}</p>
        <label>
          {words.block.appealReason}
          <textarea
            rows={3}
            dir="auto"
            maxLength={2000}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
        {question !== "" && (
          <div>
            <label className="form-check">
              <input
                type="checkbox"
                checked={sendText}
                aria-describedby={hintId}
                onChange={(event) => setSendText(event.target.checked)}
              />
              {words.block.appealText}
            </label>
            <p id={hintId} className="card-note">
              {words.block.appealTextHint}
            </p>
          </div>
        )}
        {sending.isError && (
          <p role="alert" className="form-error">
            {words.block.appealFailed} {problemText(sending.error)}
          </p>
        )}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={onClose}>
            {words.answer.cancel}
          </button>
          <button type="submit" className="button button-primary" disabled={sending.isPending}>
            {sending.isPending ? words.block.appealSending : words.block.appealSend}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
