import { describe, expect, it } from "vitest";
import { splitBlocks } from "./blocks";

const WHOLE = `# Title

One
paragraph.

1. first

   with more

2. second

\`\`\`\`md
not

\`\`\`
yet

\`\`\`\`

$$
a

b
$$

| a | b |
|---|---|
| 1 | 2 |

End`;

describe("splitBlocks", () => {
  it("splits at empty lines, but not inside lists, code and math", () => {
    expect(splitBlocks(WHOLE).map((block) => block.trim().split("\n")[0])).toEqual([
      "# Title",
      "One",
      "1. first",
      "````md",
      "$$",
      "| a | b |",
      "End",
    ]);
  });

  it("loses no character", () => {
    for (let end = 0; end <= WHOLE.length; end += 1) {
      const text = WHOLE.slice(0, end);
      expect(splitBlocks(text).join("")).toBe(text);
    }
  });

  it("never changes a block again once another has begun", () => {
    let before: readonly string[] = [];
    for (let end = 1; end <= WHOLE.length; end += 1) {
      const blocks = splitBlocks(WHOLE.slice(0, end));
      expect(blocks.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
      before = blocks;
    }
  });

  it("keeps a text whole whose links are defined elsewhere in it", () => {
    expect(splitBlocks("See [guide].\n\nMore.\n\n[guide]: https://example.org\n")).toHaveLength(1);
  });
});
