import { describe, expect, it } from "vitest";
import { countCharacters, takeCharacters } from "./characters";

describe("characters", () => {
  it("are code points", () => {
    expect(countCharacters("a𝄞您")).toBe(3);
    expect(takeCharacters("a𝄞您", 2)).toBe("a𝄞");
    expect(takeCharacters("abc", 2)).toBe("ab");
    expect(takeCharacters("abc", -1)).toBe("");
  });
});
