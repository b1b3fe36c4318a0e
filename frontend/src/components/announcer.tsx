import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";

/** Milliseconds between two status announcements at least: a screen reader must be able to finish. */
const PACE = 400;
/** Milliseconds a finished message stays in the log region: long enough to be picked up, then gone, so that nobody reads it twice. */
const LOG_LIFE = 3_000;

interface Announcer {
  /** Say what is going on, politely; the latest counts. */
  readonly status: (text: string) => void;
  /** Say something once and whole, such as a finished answer. */
  readonly message: (text: string) => void;
}

const AnnouncerContext = createContext<Announcer>({ status: () => {}, message: () => {} });

/** The page's only live regions. The stream of an answer is never one. */
export function AnnouncerProvider({ children }: { readonly children: ReactNode }) {
  const [status, setStatus] = useState("");
  const [message, setMessage] = useState("");
  const pending = useRef<ReturnType<typeof setTimeout>>(undefined);
  const cleared = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(
    () => () => {
      clearTimeout(pending.current);
      clearTimeout(cleared.current);
    },
    [],
  );

  const announcer = useMemo<Announcer>(
    () => ({
      status: (text) => {
        clearTimeout(pending.current);
        pending.current = setTimeout(() => setStatus(text), PACE);
      },
      message: (text) => {
        clearTimeout(pending.current);
        clearTimeout(cleared.current);
        setStatus("");
        setMessage(text);
        cleared.current = setTimeout(() => setMessage(""), LOG_LIFE);
      },
    }),
    [],
  );

  return (
    <AnnouncerContext value={announcer}>
      {children}
      <div className="visually-hidden">
        <div role="status" data-testid="announcer-status">
          {status}
        </div>
        <div role="log" data-testid="announcer-log">
          {message}
        </div>
      </div>
    </AnnouncerContext>
  );
}

export function useAnnouncer(): Announcer {
  return useContext(AnnouncerContext);
}
