import { describe, expect, it } from "vitest";
import { unifyMath } from "./math-delimiters";

describe("unifyMath", () => {
  it.each([
    ["so $x^2$ is", "so $$x^2$$ is"],
    ["so \\(x^2\\) is", "so $$x^2$$ is"],
    ["\\[x^2\\]", "\n$$\nx^2\n$$\n"],
    ["$$x^2$$", "$$\nx^2\n$$"],
    ["$$\nx^2\n$$", "$$\nx^2\n$$"],
    ["a $\\$5$ b", "a $$\\$5$$ b"],
  ])("makes one form of %j", (text, unified) => {
    expect(unifyMath(text)).toBe(unified);
  });

  it.each([
    "It costs $5 and $10.",
    "From $5-$10 a month",
    "A $ sign, and another $ sign",
    "An escaped \\$x$ sign",
    "`$x$` in code",
    "```sh\necho $HOME $PATH\n```",
    "```sh\necho $HOME and $x$",
  ])("leaves %j alone", (text) => {
    expect(unifyMath(text)).toBe(text);
  });
});
