import { describe, expect, it } from "vitest";
import { spoken } from "./use-announcements";

describe("what is read out", () => {
  it("has no markers, addresses and citation numbers", () => {
    expect(spoken("## So\n\n- **one** [1]\n- [two](https://example.org)\n\n```js\nx\n```")).toBe(
      "So one two x",
    );
  });
});
