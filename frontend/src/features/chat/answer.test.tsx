import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { answer, completed, delta, finished, source, started } from "@/testing/events";
import { ask, asked, renderApp } from "@/testing/render-app";
import { json, ScriptedService, ScriptedStream } from "@/testing/scripted-service";

describe("an answer", () => {
  it("streams in, with what is being done, and ends with follow-ups and figures", async () => {
    const stream = new ScriptedStream();
    const app = await asked(stream);
    stream.send(started(), { type: "status", phase: "checking_input", reason: null });
    expect(await screen.findByText("Checking your message", { selector: "p" })).toBeVisible();

    stream.send({ type: "status", phase: "answering", reason: null }, delta("Because", 0));
    expect(await screen.findByText("Because")).toBeVisible();
    expect(screen.getByRole("button", { name: "Stop answering" })).toBeVisible();

    stream.send(
      delta(" of this.", 7),
      completed(16),
      { type: "follow_ups", items: ["And then?"] },
      {
        type: "usage",
        prompt_tokens: 1234,
        completion_tokens: 5,
        cost_usd: 0.0012,
        ttft_ms: 80,
        rails_ms: 12,
        total_ms: 2345,
        notes: ["judge_missing"],
      },
      finished(),
    );
    expect(await screen.findByText("Because of this.")).toBeVisible();
    expect(screen.getByRole("button", { name: "And then?" })).toBeVisible();
    await app.user.click(screen.getByRole("button", { name: "Details" }));
    expect(screen.getByText("1,234 in, 5 out")).toBeVisible();
    expect(screen.getByText("$0.0012")).toBeVisible();
    expect(screen.getByText("2.3 s")).toBeVisible();
    expect(screen.getByText(/Rules and classifier alone/)).toBeVisible();
  });

  it("is announced once, when it is whole, and never while it streams", async () => {
    const stream = new ScriptedStream();
    await asked(stream);
    stream.send(started(), delta("One **two** [1]", 0));
    await screen.findByText(/One/, { selector: "p" });
    expect(
      screen.getByText(/One/, { selector: "p" }).closest("[aria-live], [role=log]"),
    ).toBeNull();
    expect(screen.getByTestId("announcer-log")).toBeEmptyDOMElement();

    stream.send(completed(15), finished());
    await waitFor(() =>
      expect(screen.getByTestId("announcer-log")).toHaveTextContent("Answer: One two"),
    );
  });

  it("opens the passage behind a citation: the snippet at once, then the whole", async () => {
    const service = new ScriptedService();
    let deliver: (response: Response) => void = () => {};
    service.on("GET", "/sources/guide-2", () => new Promise((resolve) => (deliver = resolve)));
    const text = "It is so [2].";
    const stream = new ScriptedStream().send(
      started(),
      { type: "sources", items: [source(1), source(2)] },
      delta(text, 0),
      completed(text.length),
      finished(),
    );
    const { user } = await asked(stream, service);
    const mark = await screen.findByRole("button", { name: "Source 2: Guide, part 2" });
    await user.click(mark);

    const panel = screen.getByRole("dialog", { name: "Sources" });
    expect(within(panel).getByText("Snippet 2")).toBeVisible();
    expect(within(panel).getByRole("button", { name: "Close sources" })).toHaveFocus();
    deliver(
      json({
        id: "guide-2",
        title: "Guide, part 2",
        text: "The whole passage.",
        heading: "Chapter two",
        page: 7,
        url: "javascript:alert(1)",
        neighbours: [{ id: "guide-1", text: "What stands nearby." }],
      }),
    );
    expect(await within(panel).findByText("The whole passage.")).toBeVisible();
    expect(within(panel).getByText("Chapter two")).toBeVisible();
    expect(within(panel).getByText("page 7")).toBeVisible();
    expect(within(panel).getByText("What stands nearby.")).not.toBeVisible();
    await user.click(within(panel).getByText("What stands after it"));
    expect(within(panel).getByText("What stands nearby.")).toBeVisible();
    expect(within(panel).queryByRole("link")).toBeNull();

    await user.keyboard("{Escape}");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(mark).toHaveFocus();
  });

  it("says that the connection is lost, and goes on without a gap", async () => {
    const service = new ScriptedService();
    let resume: (response: Response) => void = () => {};
    service.on("GET", "/runs/run-1/events", () => new Promise((resolve) => (resume = resolve)));
    const stream = new ScriptedStream().send(started(), delta("First ", 0)).close();
    await asked(stream, service);
    expect(await screen.findByText(/Connection lost/, { selector: "p" })).toBeVisible();

    resume(new ScriptedStream(3).send(delta("second", 6), completed(12), finished()).response);
    expect(await screen.findByText("First second")).toBeVisible();
    expect(screen.queryByText(/Connection lost/, { selector: "p" })).toBeNull();
  });

  it("can be asked for again and compared with the first", async () => {
    const service = new ScriptedService();
    const app = await asked(new ScriptedStream().send(...answer("One")), service);
    service.streams(new ScriptedStream().send(...answer("Two", 2)));
    await app.user.click(await screen.findByRole("button", { name: "Answer again" }));

    expect(await screen.findByText("Two")).toBeVisible();
    expect(service.requests("POST", "/chat").at(-1)?.body).toEqual({
      regenerate: "message-1",
      thinking: false,
    });
    await app.user.click(screen.getByRole("button", { name: "Previous version" }));
    expect(screen.getByText("One")).toBeVisible();
  });

  it("shows the reasoning that was asked for, folded", async () => {
    const service = new ScriptedService();
    service.streams(
      new ScriptedStream().send(
        started(),
        { type: "reasoning.delta", text: "Let me see." },
        ...answer("So.").slice(1),
      ),
    );
    const app = await renderApp(service);
    await app.user.click(screen.getByRole("button", { name: "Think first" }));
    await ask(app, "Why?");

    expect(await screen.findByText("So.")).toBeVisible();
    expect(screen.getByText("Let me see.")).not.toBeVisible();
    expect(service.requests("POST", "/chat")[0]?.body["thinking"]).toBe(true);
  });

  it("says that words were masked, and under which principle", async () => {
    const mask = {
      type: "guard.modified",
      stage: "output",
      kind: "mask",
      start: 5,
      end: 8,
    } as const;
    const stream = new ScriptedStream().send(
      started(),
      delta("Call *** or ***.", 0),
      { ...mask, principle_id: "privacy" },
      { ...mask, start: 12, end: 15, principle_id: "privacy" },
      completed(16),
      finished(),
    );
    await asked(stream);

    expect(await screen.findByText(/2 passages were masked/)).toBeVisible();
    expect(screen.getByRole("link", { name: "Read this principle" })).toHaveAttribute(
      "href",
      "/constitution#privacy",
    );
  });

  it("sends thumbs, and asks why when they point down", async () => {
    const service = new ScriptedService().on("POST", "/feedback", () => json({}, 201));
    const app = await asked(new ScriptedStream().send(...answer("Hm")), service);
    await app.user.click(await screen.findByRole("button", { name: "Bad answer" }));
    await app.user.click(await screen.findByRole("button", { name: "Not correct" }));

    expect(await screen.findByText("Thank you. Noted.")).toBeVisible();
    expect(service.requests("POST", "/feedback").map(({ body }) => body)).toEqual([
      { message_id: "message-1", rating: "down" },
      { message_id: "message-1", rating: "down", reason: "incorrect" },
    ]);
  });
});

describe("stopping", () => {
  it("tells the service what was seen, and shows nothing that comes after", async () => {
    const service = new ScriptedService().on("POST", "/runs/run-1/stop", () => json({}));
    const stream = new ScriptedStream();
    const app = await asked(stream, service);
    stream.send(started(), delta("𝄞 seen", 0));
    await screen.findByText("𝄞 seen");
    await app.user.click(screen.getByRole("button", { name: "Stop answering" }));
    stream.send(delta(" unseen", 6), finished("stopped"));

    expect(await screen.findByText(/You stopped this answer/)).toBeVisible();
    expect(service.requests("POST", "/runs/run-1/stop")[0]?.body).toEqual({ seen_chars: 6 });
    expect(screen.queryByText(/unseen/)).toBeNull();
    expect(screen.getByRole("textbox", { name: "Your message" })).toHaveFocus();
  });

  it("waits for the run's id when it is pressed before there is one", async () => {
    const service = new ScriptedService().on("POST", "/runs/run-1/stop", () => json({}));
    const stream = new ScriptedStream();
    const app = await asked(stream, service);
    await app.user.keyboard("{Escape}");
    expect(service.requests("POST", "/runs/run-1/stop")).toHaveLength(0);
    stream.send(started(), finished("stopped"));

    expect(await screen.findByText(/You stopped this answer/)).toBeVisible();
    expect(service.requests("POST", "/runs/run-1/stop")[0]?.body).toEqual({ seen_chars: 0 });
  });

  it("ends the answer for the person even when the service cannot be told", async () => {
    const service = new ScriptedService();
    const stream = new ScriptedStream();
    const app = await asked(stream, service);
    stream.send(started(), delta("Some", 0));
    await screen.findByText("Some");
    service.on("POST", "/runs/run-1/stop", () => {
      stream.break();
      throw new TypeError("Failed to fetch");
    });
    await app.user.click(screen.getByRole("button", { name: "Stop answering" }));

    expect(await screen.findByText(/You stopped this answer/)).toBeVisible();
    expect(screen.getByText("Some")).toBeVisible();
  });
});
