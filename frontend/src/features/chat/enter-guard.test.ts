import { describe, expect, it } from "vitest";
import { EnterGuard } from "./enter-guard";

const ENTER = { key: "Enter", shiftKey: false, keyCode: 13, isComposing: false, timeStamp: 1_000 };

describe("EnterGuard", () => {
  it("sends on Enter and not on Shift+Enter or another key", () => {
    const guard = new EnterGuard();

    expect(guard.sends(ENTER)).toBe(true);
    expect(guard.sends({ ...ENTER, shiftKey: true })).toBe(false);
    expect(guard.sends({ ...ENTER, key: "a" })).toBe(false);
  });

  it("keeps an Enter that chooses a word, however the browser says so", () => {
    const guard = new EnterGuard();

    expect(guard.sends({ ...ENTER, isComposing: true })).toBe(false);
    expect(guard.sends({ ...ENTER, keyCode: 229 })).toBe(false);
    guard.compositionStarted();
    expect(guard.sends(ENTER)).toBe(false);
  });

  it("keeps the Enter that Safari reports after the composition it ended, and sends the next", () => {
    const guard = new EnterGuard();
    guard.compositionStarted();
    guard.compositionEnded(995);

    expect(guard.sends(ENTER)).toBe(false);
    expect(guard.sends({ ...ENTER, timeStamp: 1_200 })).toBe(true);
  });
});
