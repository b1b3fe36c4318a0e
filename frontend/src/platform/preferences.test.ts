import { afterEach, describe, expect, it, vi } from "vitest";
import { createPreferences, keepPreferences, storedPreferences } from "./preferences";

const PREFERENCES = { language: "zh", theme: "dark", thinking: true } as const;

afterEach(() => {
  vi.useRealTimers();
});

describe("preferences", () => {
  it("come back as they were stored", async () => {
    expect(await storedPreferences(async () => PREFERENCES)).toEqual(PREFERENCES);
  });

  it.each([undefined, null, "zh", { language: "xx", theme: 3, thinking: "yes" }])(
    "are the defaults where %j was stored",
    async (stored) => {
      expect(await storedPreferences(async () => stored)).toEqual({});
    },
  );

  it("hold nothing up when the store does not answer", async () => {
    vi.useFakeTimers();
    const stored = storedPreferences(() => new Promise(() => {}));
    await vi.advanceTimersByTimeAsync(500);

    expect(await stored).toEqual({});
  });

  it("are stored with every change, and not before one", () => {
    const store = createPreferences(PREFERENCES);
    const write = vi.fn(async () => true);
    keepPreferences(store, write);
    expect(write).not.toHaveBeenCalled();
    store.setState({ theme: "light" });

    expect(write).toHaveBeenCalledWith("preferences", { ...PREFERENCES, theme: "light" });
  });
});
