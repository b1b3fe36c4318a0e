import { screen, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { answer, blocked, delta, finished, started } from "@/testing/events";
import { asked } from "@/testing/render-app";
import { json, problem, ScriptedService, ScriptedStream } from "@/testing/scripted-service";

const APPEAL = {
  id: "appeal-1",
  decision_id: "decision-1",
  principle_id: "integrity",
  stage: "input",
  status: "open",
  answer: null,
  at: "2026-01-01T00:00:00Z",
  answered_at: null,
  expires_at: "2026-02-01T00:00:00Z",
};

describe("a block", () => {
  const script = [started(), blocked(), finished("blocked")] as const;

  it("names the principle, says what is kept, and offers what is possible", async () => {
    const service = new ScriptedService();
    const app = await asked(new ScriptedStream().send(...script), service);
    const card = await screen.findByRole("group", { name: "Not turned against its rules" });

    expect(within(card).getByText("I keep my rules. They are public.")).toBeVisible();
    expect(within(card).getByText(/is not kept/)).toBeVisible();
    expect(within(card).getByText("decision-1")).toBeVisible();
    expect(within(card).getByRole("link", { name: "Read this principle" })).toHaveAttribute(
      "href",
      "/constitution#integrity",
    );
    expect(screen.queryByText("A fault of ours")).toBeNull();
    expect(screen.getByTestId("announcer-log")).toHaveTextContent("Not turned against its rules");
    expect(screen.getByRole("textbox", { name: "Your message" })).toHaveFocus();

    service.streams(new ScriptedStream().send(...answer("Here it is", 2)));
    await app.user.click(
      within(card).getByRole("button", { name: "I can show you the constitution." }),
    );
    expect(service.requests("POST", "/chat").at(-1)?.body["message"]).toContain(
      "I can show you the constitution.",
    );
  });

  it("can be looked at by a person, who is sent the message only if that is wanted", async () => {
    const service = new ScriptedService().on("POST", "/appeals", () => json(APPEAL, 201));
    const app = await asked(new ScriptedStream().send(...script), service);
    await app.user.click(await screen.findByRole("button", { name: "Ask a person to look" }));
    await app.user.type(screen.getByRole("textbox", { name: /Why do you think/ }), "A test.");
    await app.user.click(screen.getByRole("checkbox", { name: "Send my message along" }));
    await app.user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Send" }));

    expect(await screen.findByText(/A person will look at this/)).toBeVisible();
    expect(service.requests("POST", "/appeals")[0]?.body).toEqual({
      decision_id: "decision-1",
      reason: "A test.",
      text: null,
    });
    expect(screen.queryByRole("button", { name: "Ask a person to look" })).toBeNull();
  });

  it("shows what the person who looked has answered", async () => {
    const service = new ScriptedService().on("POST", "/appeals", () =>
      json({ ...APPEAL, status: "overturned", answer: "You were right.\nSorry." }, 201),
    );
    const app = await asked(new ScriptedStream().send(...script), service);
    await app.user.click(await screen.findByRole("button", { name: "Ask a person to look" }));
    await app.user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Send" }));

    expect(await screen.findByText(/the block was wrong/)).toBeVisible();
    expect(screen.getByText(/You were right/)).toBeVisible();
    expect(service.requests("POST", "/appeals")[0]?.body["text"]).toBe("Why?");
  });

  it("keeps what was written when an appeal cannot be sent", async () => {
    const service = new ScriptedService().on("POST", "/appeals", () =>
      problem(503, "service_unavailable"),
    );
    const app = await asked(new ScriptedStream().send(...script), service);
    await app.user.click(await screen.findByRole("button", { name: "Ask a person to look" }));
    const reason = screen.getByRole("textbox", { name: /Why do you think/ });
    await app.user.type(reason, "A test.");
    await app.user.click(within(screen.getByRole("dialog")).getByRole("button", { name: "Send" }));

    expect(await screen.findByRole("alert")).toHaveTextContent(/not available right now/);
    expect(reason).toHaveValue("A test.");
  });

  it("withdraws text that was shown, and keeps the part before it", async () => {
    const stream = new ScriptedStream();
    await asked(stream);
    stream.send(started(), delta("Fine. Not fine.", 0));
    await screen.findByText("Fine. Not fine.");
    stream.send(blocked({ stage: "output", retract_from: 5 }), finished("blocked"));

    expect(await screen.findByText("Fine.")).toBeVisible();
    expect(screen.queryByText(/Not fine/)).toBeNull();
    expect(screen.getByText(/part of the answer was withdrawn/)).toBeVisible();
    expect(screen.getByText(/What you read above had passed/)).toBeVisible();
  });

  it("that is a fault of a rail looks like a fault, and can be tried again", async () => {
    const service = new ScriptedService();
    const app = await asked(
      new ScriptedStream().send(
        started(),
        blocked({ failed: true, principle: null, appealable: false }),
        finished("blocked"),
      ),
      service,
    );
    const card = await screen.findByRole("group", { name: "A fault of ours" });
    expect(within(card).getByText(/says nothing about your message/)).toBeVisible();
    expect(screen.queryByRole("button", { name: "Ask a person to look" })).toBeNull();

    service.streams(new ScriptedStream().send(...answer("Now", 2)));
    await app.user.click(within(card).getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("Now")).toBeVisible();
    expect(service.requests("POST", "/chat").at(-1)?.body["message"]).toBe("Why?");
    expect(screen.queryByRole("group", { name: "A fault of ours" })).toBeNull();
  });
});
