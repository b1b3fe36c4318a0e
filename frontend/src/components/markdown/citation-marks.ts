import type { Element, ElementContent, Root } from "hast";

/** Where a mark keeps its number for the component that shows it. */
export const MARK = "dataCitation";

const MARKS = /\[(\d{1,3})\]/g;
/** Letters, at most, that stay with the mark after them. */
const TOGETHER = 8;
const LITERAL = new Set(["code", "pre", "a"]);

/**
 * A rehype plugin that makes `[n]` a mark, where `n` is a source of the answer, outside code and links.
 *
 * It runs after sanitising: what it makes is ours.
 */
export function citationMarks(numbers: ReadonlySet<number>) {
  return () => (tree: Root) => {
    if (numbers.size > 0) tree.children = mark(tree.children as ElementContent[], numbers);
  };
}

function mark(children: readonly ElementContent[], numbers: ReadonlySet<number>): ElementContent[] {
  return children.flatMap((child) => {
    if (child.type === "text") return split(child.value, numbers);
    if (child.type === "element" && !LITERAL.has(child.tagName)) {
      return { ...child, children: mark(child.children, numbers) };
    }
    return child;
  });
}

function split(text: string, numbers: ReadonlySet<number>): ElementContent[] {
  const parts: ElementContent[] = [];
  let from = 0;
  for (const match of text.matchAll(MARKS)) {
    const n = Number(match[1]);
    if (!numbers.has(n)) continue;
    parts.push(...cited(text.slice(from, match.index), n));
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ type: "text", value: text.slice(from) });
  return parts;
}

/** Words and their mark; the end of the last word and the mark never part at the end of a line. */
function cited(words: string, n: number): ElementContent[] {
  const text = words.trimEnd();
  const end = text.slice(-TOGETHER).match(/[^\s\uDC00-\uDFFF]\S*$/)?.[0] ?? "";
  const before = text.slice(0, text.length - end.length);
  const mark: Element = {
    type: "element",
    tagName: "sup",
    properties: { [MARK]: n },
    children: [],
  };
  const together: Element = {
    type: "element",
    tagName: "span",
    properties: { className: ["cited"] },
    children: [{ type: "text", value: end }, mark],
  };
  return before === "" ? [together] : [{ type: "text", value: before }, together];
}
