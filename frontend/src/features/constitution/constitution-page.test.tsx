import { screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { renderApp } from "@/testing/render-app";
import { json, problem } from "@/testing/scripted-service";

const PRINCIPLES = {
  en: {
    id: "no-weapons",
    title: "No weapons",
    text: "Never help to build one.",
    summary: "I don't.",
  },
  zh: { id: "no-weapons", title: "不协助武器", text: "绝不协助。", summary: "我不会。" },
} as const;

function answerWith(respond: (language: "en" | "zh") => Response) {
  const asked = vi.fn(async (input: string) => respond(input.endsWith("zh") ? "zh" : "en"));
  vi.stubGlobal("fetch", asked);
  return asked;
}

function constitution(language: "en" | "zh") {
  const principle = { ...PRINCIPLES[language], languages: ["en", "zh"] };
  return json({ policy_version: "3fa9c1d2e4b5", language, principles: [principle] });
}

async function open() {
  const app = await renderApp();
  await app.user.click(screen.getByRole("link", { name: "Constitution" }));
  return app;
}

describe("the constitution", () => {
  it("shows every principle and the version in force", async () => {
    answerWith(constitution);
    await open();

    expect(await screen.findByRole("heading", { name: /No weapons/ })).toBeVisible();
    expect(screen.getByText("Never help to build one.")).toBeVisible();
    expect(screen.getByText("3fa9c1d2e4b5")).toBeVisible();
    const contents = screen.getByRole("navigation", { name: "Principles" });
    expect(within(contents).getByRole("link", { name: "No weapons" })).toHaveAttribute(
      "href",
      "#no-weapons",
    );
  });

  it("changes its language with the page", async () => {
    answerWith(constitution);
    const { user } = await open();
    await screen.findByRole("heading", { name: /No weapons/ });
    await user.click(screen.getByRole("button", { name: "中文" }));

    expect(await screen.findByRole("heading", { name: /不协助武器/ })).toBeVisible();
  });

  it("says when it cannot be shown, and tries again when asked", async () => {
    const asked = answerWith(() => problem(503, "service_unavailable"));
    const { user, services } = await open();
    services.queries.setDefaultOptions({ queries: { retry: false } });
    const again = await screen.findByRole("button", { name: "Try again" }, { timeout: 15_000 });
    asked.mockImplementation(async () => constitution("en"));
    await user.click(again);

    expect(await screen.findByRole("heading", { name: /No weapons/ })).toBeVisible();
  });
});
