import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useAnnouncer } from "@/components/announcer";
import { Dialog } from "@/components/dialog";
import { useWords } from "@/i18n/language";
import { useChat } from "./chat-context";
import { useProblemText } from "./problem-text";

/** Asks once, then has the service erase the session and clears the page. */
export function EraseDialog({ onClose }: { readonly onClose: () => void }) {
  const words = useWords();
  const { conversation, service, session } = useChat();
  const { message } = useAnnouncer();
  const queries = useQueryClient();
  const problemText = useProblemText();
  const erasing = useMutation({
    mutationFn: () => service.session.erase(),
    onSuccess: () => {
      conversation.clear();
      conversation.setDraft("");
      queries.clear();
      session.setState({ replaced: false });
      message(words.announce.erased);
      onClose();
    },
  });

  return (
    <Dialog title={words.erase.title} closeLabel={words.answer.cancel} onClose={onClose}>
      <p>{words.erase.lead}</p>
      {erasing.isError && (
        <p role="alert" className="form-error">
          {words.erase.failed} {problemText(erasing.error)}
        </p>
      )}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          {words.answer.cancel}
        </button>
        <button
          type="button"
          className="button button-danger"
          disabled={erasing.isPending}
          onClick={() => erasing.mutate()}
        >
          {words.erase.confirm}
        </button>
      </div>
    </Dialog>
  );
}
