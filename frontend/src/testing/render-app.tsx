import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { App } from "@/app/app";
import { createServices } from "@/app/services";
import { ScriptedService, type ScriptedStream } from "./scripted-service";

/** The whole page against a scripted service. */
export async function renderApp(service = new ScriptedService()) {
  const services = createServices({ fetch: service.fetch });
  await services.start();
  const user = userEvent.setup();
  const view = render(<App services={services} />);
  return { service, services, user, ...view };
}

type RenderedApp = Awaited<ReturnType<typeof renderApp>>;

/** Type a question and send it. */
export async function ask({ user }: RenderedApp, text: string) {
  await user.type(screen.getByRole("textbox", { name: "Your message" }), `${text}{Enter}`);
}

/** The page after one question that gets this stream for an answer. */
export async function asked(stream: ScriptedStream, service = new ScriptedService()) {
  service.streams(stream);
  const app = await renderApp(service);
  await ask(app, "Why?");
  return app;
}
