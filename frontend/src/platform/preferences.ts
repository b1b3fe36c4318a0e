import { createStore, type StoreApi } from "zustand/vanilla";
import type { Language } from "@/api/session";
import { readVault, writeVault } from "./vault";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

/** How a person likes the page. */
export interface Preferences {
  readonly language: Language;
  readonly theme: Theme;
  readonly thinking: boolean;
}

export type PreferencesStore = StoreApi<Preferences>;

const NAME = "preferences";
/** Milliseconds the page waits for what was stored: longer than that, the defaults do. */
const PATIENCE = 400;

export function createPreferences(initial: Preferences): PreferencesStore {
  return createStore<Preferences>(() => initial);
}

/** The preferences of the last visit, as far as they are still valid. */
export async function storedPreferences(read = readVault): Promise<Partial<Preferences>> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE));
  return valid(await Promise.race([read(NAME), late]));
}

/** Store every change from now on, encrypted. Without a change nothing is stored. */
export function keepPreferences(store: PreferencesStore, write = writeVault): void {
  store.subscribe((preferences) => void write(NAME, preferences));
}

function valid(stored: unknown): Partial<Preferences> {
  if (typeof stored !== "object" || stored === null) return {};
  const { language, theme, thinking } = stored as Record<string, unknown>;
  return {
    ...((language === "en" || language === "zh") && { language }),
    ...(isTheme(theme) && { theme }),
    ...(typeof thinking === "boolean" && { thinking }),
  };
}

function isTheme(value: unknown): value is Theme {
  return THEMES.some((theme) => theme === value);
}
