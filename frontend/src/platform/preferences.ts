import { createStore, type StoreApi } from "zustand/vanilla";
import type { Language } from "@/api/session";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

/** How a person likes the page. */
export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
  readonly thinking: boolean;
}

export type PreferencesStore = StoreApi<Preferences>;

export function createPreferences(initial: Preferences): PreferencesStore {
  return createStore<Preferences>(() => initial);
}
