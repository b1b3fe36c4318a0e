import { Unplug, X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useWords } from "@/i18n/language";
import { useChat, useSession } from "./chat-context";
import { useProblemText } from "./problem-text";

/** What holds for the whole conversation, said plainly above it. */
export function Notices({ demo }: { readonly demo: boolean }) {
  return (
    <div className="notices">
      <SessionNotice />
      {demo && <DemoNotice />}
    </div>
  );
}

function SessionNotice() {
  const words = useWords();
  const { session, start } = useChat();
  const problemText = useProblemText();
  const { started, replaced, error } = useSession((state) => state);
  if (error !== null && started === null) {
    return (
      <Notice kind="fault">
        <p role="alert">
          {words.session.startFailed} {problemText(error)}
        </p>
        <button type="button" className="button" onClick={() => void start()}>
          {words.session.retry}
        </button>
      </Notice>
    );
  }
  if (!replaced) return null;
  return (
    <Notice kind="plain" onDismiss={() => session.setState({ replaced: false })}>
      <p role="status">{words.session.replaced}</p>
    </Notice>
  );
}

/** No model was found: what to do about it. */
function DemoNotice() {
  const words = useWords();
  const [hidden, setHidden] = useState(false);
  if (hidden) return null;
  return (
    <Notice kind="demo" onDismiss={() => setHidden(true)}>
      <h2>
        <Unplug aria-hidden="true" />
        {words.demo.title}
      </h2>
      <p>{words.demo.lead}</p>
      <ul>
        <li>
          <code>ollama run qwen3</code> <span>{words.demo.ollama}</span>
        </li>
        <li>
          <code>export DASHSCOPE_API_KEY=…</code> <span>{words.demo.dashscope}</span>
        </li>
        <li>
          <code>export COVENANT_MODEL__BASE_URL=http://…/v1</code>{" "}
          <span>{words.demo.endpoint}</span>
        </li>
      </ul>
      <p>{words.demo.doctor}</p>
    </Notice>
  );
}

function Notice({
  kind,
  onDismiss,
  children,
}: {
  readonly kind: "demo" | "fault" | "plain";
  readonly onDismiss?: () => void;
  readonly children: ReactNode;
}) {
  const words = useWords();
  return (
    <section className={`notice notice-${kind}`}>
      <div>{children}</div>
      {onDismiss && (
        <button
          type="button"
          className="icon-button"
          aria-label={words.session.dismiss}
          onClick={onDismiss}
        >
          <X aria-hidden="true" />
        </button>
      )}
    </section>
  );
}
