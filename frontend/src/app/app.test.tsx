import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { answer } from "@/testing/events";
import { asked, renderApp } from "@/testing/render-app";
import { ScriptedStream } from "@/testing/scripted-service";

describe("the page", () => {
  it("tells the service of the preferences it needs, and of no other", async () => {
    const { service } = await renderApp();

    expect(service.requests("POST", "/chat/start")[0]?.body).toEqual({
      preferences: { language: "en", thinking: false },
    });
  });

  it("opens and closes its menu by keyboard, and gives focus back", async () => {
    const { user } = await renderApp();
    const button = screen.getByRole("button", { name: "More" });
    button.focus();
    await user.keyboard("{Enter}");
    await user.tab();
    expect(screen.getByRole("button", { name: "Auto" })).toHaveFocus();
    await user.keyboard("{Escape}");

    expect(screen.queryByRole("button", { name: "Auto" })).toBeNull();
    expect(button).toHaveFocus();
  });

  it("becomes dark or light when asked to", async () => {
    const { user } = await renderApp();
    await user.click(screen.getByRole("button", { name: "More" }));
    await user.click(screen.getByRole("button", { name: "Dark" }));
    expect(document.documentElement).toHaveAttribute("data-theme", "dark");
    await user.click(screen.getByRole("button", { name: "Auto" }));

    expect(document.documentElement).not.toHaveAttribute("data-theme");
  });

  it("says what is kept and until when", async () => {
    const { user } = await renderApp();
    await user.click(screen.getByRole("button", { name: "More" }));
    await user.click(screen.getByRole("button", { name: "What is kept" }));
    const dialog = screen.getByRole("dialog", { name: "What is kept" });

    expect(within(dialog).getByText(/until .*\d{4}.* at the latest/)).toBeVisible();
    await user.click(within(dialog).getByRole("button", { name: "Close" }));
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  it("lists its shortcuts on ?, but not while somebody types one", async () => {
    const { user } = await renderApp();
    await user.type(screen.getByRole("textbox", { name: "Your message" }), "why?");
    expect(screen.queryByRole("dialog")).toBeNull();
    await user.click(document.body);
    await user.keyboard("?");

    expect(screen.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  });

  it("goes to the message box on /", async () => {
    const { user } = await renderApp();
    await user.click(document.body);
    await user.keyboard("/");

    expect(screen.getByRole("textbox", { name: "Your message" })).toHaveFocus();
    expect(screen.getByRole("textbox", { name: "Your message" })).toHaveValue("");
  });

  it("saves the conversation as a file", async () => {
    const saved: Blob[] = [];
    const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => {});
    URL.createObjectURL = (blob) => {
      saved.push(blob as Blob);
      return "blob:saved";
    };
    URL.revokeObjectURL = () => {};
    const { user } = await asked(new ScriptedStream().send(...answer("Because.")));
    await screen.findByText("Because.");
    await user.click(screen.getByRole("button", { name: "More" }));
    await user.click(screen.getByRole("button", { name: "Save as Markdown" }));

    expect(click).toHaveBeenCalledOnce();
    expect(await saved[0]?.text()).toContain("Because.");
  });

  it("offers no file of a conversation that has not begun", async () => {
    const { user } = await renderApp();
    await user.click(screen.getByRole("button", { name: "More" }));

    expect(screen.getByRole("button", { name: "Save as Markdown" })).toBeDisabled();
  });

  it("copies an answer, and says so", async () => {
    const { user } = await asked(new ScriptedStream().send(...answer("Because **so**.")));
    await user.click(await screen.findByRole("button", { name: "Copy" }));

    expect(await navigator.clipboard.readText()).toBe("Because **so**.");
    await waitFor(() => expect(screen.getByTestId("announcer-status")).toHaveTextContent("Copied"));
  });

  it("says that a page does not exist", async () => {
    window.history.replaceState(null, "", "/nowhere");
    await renderApp();

    expect(screen.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  });
});
