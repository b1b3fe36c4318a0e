import { createContext, useContext } from "react";
import { useStore } from "zustand";
import type { Service } from "@/api/service";
import type { SessionState, SessionStore } from "@/api/session-state";
import type { Preferences, PreferencesStore } from "@/platform/preferences";
import type { Conversation, ConversationState } from "./conversation";

/** What the chat works with; made in one place (src/app/services.ts) and handed down. */
export interface ChatServices {
  readonly service: Service;
  readonly session: SessionStore;
  readonly conversation: Conversation;
  readonly preferences: PreferencesStore;
  /** Begin the session; a failure is kept where the page shows it. */
  readonly start: () => Promise<void>;
}

const ChatContext = createContext<ChatServices | null>(null);

export const ChatProvider = ChatContext.Provider;

export function useChat(): ChatServices {
  const services = useContext(ChatContext);
  if (services === null) throw new Error("There is no ChatProvider above.");
  return services;
}

export function useConversation<T>(select: (state: ConversationState) => T): T {
  return useStore(useChat().conversation.store, select);
}

export function useSession<T>(select: (state: SessionState) => T): T {
  return useStore(useChat().session, select);
}

export function usePreferences<T>(select: (state: Preferences) => T): T {
  return useStore(useChat().preferences, select);
}
