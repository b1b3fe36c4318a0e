import { createStore, type StoreApi } from "zustand/vanilla";
import type { StartAnswer } from "./events";

export type Started = Omit<StartAnswer, "token">;

/** What the page knows of its session. The token is not in here. */
export interface SessionState {
  readonly started: Started | null;
  /** An earlier session had ended: the assistant no longer remembers what was said in it. */
  readonly replaced: boolean;
  /** Why no session could be started. */
  readonly error: unknown;
}

export type SessionStore = StoreApi<SessionState>;

export function createSessionStore(): SessionStore {
  return createStore<SessionState>(() => ({ started: null, replaced: false, error: null }));
}
