import type {
  AppealAnswer,
  AppealRequest,
  Constitution,
  FeedbackRequest,
  SourceView,
} from "./events";
import { problemOf } from "./problem";
import { API, type Language, type Session } from "./session";

/** The service's plain requests. Every one throws a `ServiceError` when it does not succeed. */
export class Service {
  readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  source(id: string, signal: AbortSignal): Promise<SourceView> {
    return this.#json(`/sources/${encodeURIComponent(id)}`, { signal });
  }

  appeal(body: AppealRequest): Promise<AppealAnswer> {
    return this.#json("/appeals", { method: "POST", body: JSON.stringify(body) });
  }

  appealStatus(id: string, signal: AbortSignal): Promise<AppealAnswer> {
    return this.#json(`/appeals/${encodeURIComponent(id)}`, { signal });
  }

  /** Keep what a person thinks of an answer; a second opinion replaces the first. */
  async feedback(body: FeedbackRequest): Promise<void> {
    await this.#json("/feedback", { method: "POST", body: JSON.stringify(body) });
  }

  /** Stop a run, and keep of its answer only the characters that were seen. */
  async stop(runId: string, seenChars: number): Promise<void> {
    await this.#json(`/runs/${encodeURIComponent(runId)}/stop`, {
      method: "POST",
      body: JSON.stringify({ seen_chars: seenChars }),
    });
  }

  async #json<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.session.fetch(path, init);
    if (!response.ok) throw await problemOf(response);
    return (await response.json()) as T;
  }
}

/** Read the principles in force; needs no session. */
export async function readConstitution(
  language: Language,
  signal: AbortSignal,
): Promise<Constitution> {
  const response = await fetch(`${API}/constitution?language=${language}`, { signal });
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as Constitution;
}
