import { QueryClient } from "@tanstack/react-query";
import { ConnectionError } from "@/api/problem";
import { Service } from "@/api/service";
import { type Fetch, Session } from "@/api/session";
import { createSessionStore } from "@/api/session-state";
import type { ChatServices } from "@/features/chat/chat-context";
import { Conversation } from "@/features/chat/conversation";
import { preferredLanguage } from "@/i18n/language";
import { createPreferences, type Preferences } from "@/platform/preferences";

export interface Services extends ChatServices {
  readonly queries: QueryClient;
}

interface Options {
  readonly fetch?: Fetch;
  /** Preferences of the last visit. */
  readonly stored?: Partial<Preferences>;
}

/** Makes everything the page works with. Nothing else makes any of it. */
export function createServices({ fetch, stored = {} }: Options = {}): Services {
  const preferences = createPreferences({
    language: preferredLanguage(),
    theme: "system",
    thinking: false,
    ...stored,
  });
  const sessionStore = createSessionStore();
  const session = new Session({
    ...(fetch && { fetch }),
    preferences: () => {
      const { language, thinking } = preferences.getState();
      return { language, thinking };
    },
    onStarted: (started, replaced) =>
      sessionStore.setState((state) => ({
        started,
        replaced: replaced || state.replaced,
        error: null,
      })),
  });
  const service = new Service(session);
  return {
    service,
    preferences,
    session: sessionStore,
    conversation: new Conversation(service),
    queries: new QueryClient({ defaultOptions: { queries: { refetchOnWindowFocus: false } } }),
    start: () =>
      session.start().catch((error: unknown) => {
        sessionStore.setState({ error: error ?? new ConnectionError() });
      }),
  };
}
