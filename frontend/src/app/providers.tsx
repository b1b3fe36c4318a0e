import { QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useStore } from "zustand";
import { AnnouncerProvider } from "@/components/announcer";
import { ChatProvider } from "@/features/chat/chat-context";
import { LanguageProvider } from "@/i18n/language";
import type { Services } from "./services";

export function Providers({
  services,
  children,
}: {
  readonly services: Services;
  readonly children: ReactNode;
}) {
  const { language, theme } = useStore(services.preferences);

  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }, [theme]);

  return (
    <QueryClientProvider client={services.queries}>
      <LanguageProvider language={language}>
        <AnnouncerProvider>
          <ChatProvider value={services}>{children}</ChatProvider>
        </AnnouncerProvider>
      </LanguageProvider>
    </QueryClientProvider>
  );
}
