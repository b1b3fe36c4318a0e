import { screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { answer, delta, finished, started } from "@/testing/events";
import { ask, asked, renderApp } from "@/testing/render-app";
import { problem, ScriptedService, ScriptedStream } from "@/testing/scripted-service";

describe("a fault", () => {
  it("waits as long as the service asks before it can be tried again", async () => {
    const service = new ScriptedService();
    service.on(
      "POST",
      "/chat",
      () => problem(429, "rate_limited", { retry_after_s: 1 }),
      () => new ScriptedStream().send(...answer("Now")).response,
    );
    const app = await renderApp(service);
    await ask(app, "Why?");
    const card = await screen.findByRole("group", { name: "A fault of ours" });
    expect(within(card).getByText(/Please wait a moment/)).toBeVisible();
    expect(within(card).getByRole("button", { name: "Try again in 1 s" })).toBeDisabled();

    await app.user.click(await within(card).findByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Now")).toBeVisible();
  });

  it("keeps the question, and what was shown, when the answer breaks off", async () => {
    const stream = new ScriptedStream();
    await asked(stream);
    stream.send(
      started(),
      delta("Half of", 0),
      {
        type: "error",
        title: "Unavailable",
        status: 503,
        detail: "",
        code: "service_unavailable",
        request_id: "request-1",
        retry_after_s: null,
      },
      finished("failed"),
    );

    expect(await screen.findByText(/not available right now/, { selector: "p" })).toBeVisible();
    expect(screen.getByText("Half of")).toBeVisible();
    expect(screen.getByText("Why?", { selector: "p" })).toBeVisible();
    expect(screen.getByText("request-1")).toBeVisible();
  });

  it("tells of a session that ended, and goes on in a new one", async () => {
    const service = new ScriptedService();
    const app = await renderApp(service);
    service.on(
      "POST",
      "/chat",
      () => problem(401, "authentication"),
      () => new ScriptedStream().send(...answer("Hello again")).response,
    );
    await ask(app, "Still there?");

    expect(await screen.findByText("Hello again")).toBeVisible();
    expect(screen.getByText(/Your session had ended/)).toBeVisible();
  });

  it("says that no session could be started, and tries again when asked", async () => {
    const service = new ScriptedService();
    const begin = service.answers("POST", "/chat/start");
    service.on("POST", "/chat/start", () => problem(503, "service_unavailable"), ...begin);
    const app = await renderApp(service);
    expect(screen.getByRole("alert")).toHaveTextContent(/No session could be started/);
    await app.user.click(screen.getByRole("button", { name: "Try again" }));

    expect(await screen.findByText("I'm an AI and can be wrong.")).toBeVisible();
    expect(screen.queryByRole("alert")).toBeNull();
  });
});
