import { Component, type ReactNode } from "react";
import { useWords } from "@/i18n/language";

interface Props {
  readonly children: ReactNode;
}

/** The last line before a blank page. */
export class ErrorBoundary extends Component<Props, { readonly broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    return this.state.broken ? <Crash /> : this.props.children;
  }
}

function Crash() {
  const words = useWords();
  return (
    <main className="plain-page" role="alert">
      <h1>{words.crash.title}</h1>
      <p>{words.crash.lead}</p>
      <button
        type="button"
        className="button button-primary"
        onClick={() => window.location.reload()}
      >
        {words.crash.reload}
      </button>
    </main>
  );
}
