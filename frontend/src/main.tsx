import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/app";
import { createServices } from "./app/services";
import { keepPreferences, storedPreferences } from "./platform/preferences";
import "./styles/tokens.css";
import "./styles/base.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root.");

const services = createServices({ stored: await storedPreferences() });
keepPreferences(services.preferences);
void services.start();
createRoot(root).render(
  <StrictMode>
    <App services={services} />
  </StrictMode>,
);
