import { screen, waitFor } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { answer, started } from "@/testing/events";
import { ask, asked, renderApp } from "@/testing/render-app";
import { problem, ScriptedService, ScriptedStream } from "@/testing/scripted-service";

describe("a question", () => {
  it("follows the latest exchange, and an edited one becomes a branch in its place", async () => {
    const service = new ScriptedService();
    const app = await asked(new ScriptedStream().send(...answer("One")), service);
    await screen.findByText("One");
    service.streams(new ScriptedStream().send(...answer("Two", 2)));
    await ask(app, "More?");
    await screen.findByText("Two");
    service.streams(new ScriptedStream().send(...answer("Three", 3)));
    await app.user.click(screen.getAllByRole("button", { name: "Edit" })[1] as HTMLElement);
    const box = screen.getByRole("textbox", { name: "Edit your message" });
    await app.user.clear(box);
    await app.user.type(box, "Less?{Enter}");
    await screen.findByText("Three");

    expect(service.requests("POST", "/chat").map(({ body }) => body)).toEqual([
      { message: "Why?", thinking: false },
      { message: "More?", thinking: false, parent_id: "message-1" },
      { message: "Less?", thinking: false, parent_id: "message-1" },
    ]);
    expect(screen.getByRole("group", { name: "Version 2 of 2" })).toBeVisible();
    expect(screen.queryByText("Two")).toBeNull();
  });

  it("is not sent by an Enter that ends a composition, nor while an answer streams", async () => {
    const service = new ScriptedService();
    const stream = new ScriptedStream();
    service.streams(stream);
    const app = await renderApp(service);
    const box = screen.getByRole("textbox", { name: "Your message" });
    await app.user.type(box, "ni");
    box.dispatchEvent(
      new KeyboardEvent("keydown", { key: "Enter", bubbles: true, isComposing: true }),
    );
    expect(service.requests("POST", "/chat")).toHaveLength(0);

    await app.user.type(box, "{Enter}");
    await waitFor(() => expect(service.requests("POST", "/chat")).toHaveLength(1));
    await ask(app, "and another");
    expect(service.requests("POST", "/chat")).toHaveLength(1);
    expect(box).toHaveValue("and another");
  });

  it("keeps a draft while another page is looked at", async () => {
    const app = await renderApp();
    await app.user.type(screen.getByRole("textbox", { name: "Your message" }), "Half a thou");
    await app.user.click(screen.getByRole("link", { name: "Constitution" }));
    await app.user.click(screen.getByRole("link", { name: "Chat" }));

    expect(screen.getByRole("textbox", { name: "Your message" })).toHaveValue("Half a thou");
  });
});

describe("the conversation", () => {
  it("is erased at the service and on the page", async () => {
    const service = new ScriptedService();
    const app = await asked(new ScriptedStream().send(...answer("Secret")), service);
    await screen.findByText("Secret");
    await app.user.click(screen.getByRole("button", { name: "More" }));
    await app.user.click(screen.getByRole("button", { name: "Erase this conversation" }));
    await app.user.click(screen.getByRole("button", { name: "Erase" }));

    await waitFor(() => expect(screen.queryByText("Secret")).toBeNull());
    expect(service.requests("DELETE", "/chat/session")).toHaveLength(1);
    expect(screen.queryByText(/Your session had ended/)).toBeNull();
  });

  it("stays on the page when it could not be erased", async () => {
    const service = new ScriptedService();
    service.on("DELETE", "/chat/session", () => problem(503, "service_unavailable"));
    const app = await asked(new ScriptedStream().send(...answer("Secret")), service);
    await screen.findByText("Secret");
    await app.user.click(screen.getByRole("button", { name: "More" }));
    await app.user.click(screen.getByRole("button", { name: "Erase this conversation" }));
    await app.user.click(screen.getByRole("button", { name: "Erase" }));

    expect(await screen.findByRole("alert")).toHaveTextContent(/could not be erased/);
    expect(screen.getByText("Secret")).toBeInTheDocument();
  });

  it("speaks Chinese when asked to", async () => {
    const app = await renderApp();
    await app.user.click(screen.getByRole("button", { name: "中文" }));

    expect(screen.getByRole("textbox", { name: "您的消息" })).toBeVisible();
    expect(document.documentElement).toHaveAttribute("lang", "zh-CN");
    expect(screen.getByRole("button", { name: /你按照哪些原则回答问题/ })).toBeVisible();
  });

  it("says what to do when no model is connected", async () => {
    const stream = new ScriptedStream();
    await asked(stream);
    stream.send(
      { ...started(), demo: true } as ReturnType<typeof started>,
      { type: "status", phase: "degraded", reason: "extractive" },
      ...answer("Quoted.").slice(1),
    );

    expect(await screen.findByText("No Qwen model is connected")).toBeInTheDocument();
    expect(screen.getByText("ollama run qwen3")).toBeInTheDocument();
    expect(await screen.findByText(/no language model answered/)).toBeInTheDocument();
  });

  it("begins with a starter", async () => {
    const service = new ScriptedService();
    service.streams(new ScriptedStream().send(...answer("Under twelve.")));
    const app = await renderApp(service);
    await app.user.click(screen.getByRole("button", { name: /Which principles/ }));

    expect(await screen.findByText("Under twelve.")).toBeVisible();
  });
});
