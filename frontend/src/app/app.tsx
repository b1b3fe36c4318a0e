import { lazy, Suspense } from "react";
import { BrowserRouter, Route, Routes } from "react-router";
import { ChatPage } from "@/features/chat/chat-page";
import { ErrorBoundary } from "./error-boundary";
import { Layout } from "./layout";
import { NotFound } from "./not-found";
import { Providers } from "./providers";
import type { Services } from "./services";

const ConstitutionPage = lazy(async () => ({
  default: (await import("@/features/constitution/constitution-page")).ConstitutionPage,
}));

export function App({ services }: { readonly services: Services }) {
  return (
    <Providers services={services}>
      <ErrorBoundary>
        <BrowserRouter>
          <Routes>
            <Route element={<Layout />}>
              <Route index element={<ChatPage />} />
              <Route
                path="constitution"
                element={
                  <Suspense>
                    <ConstitutionPage />
                  </Suspense>
                }
              />
              <Route path="*" element={<NotFound />} />
            </Route>
          </Routes>
        </BrowserRouter>
      </ErrorBoundary>
    </Providers>
  );
}
