import type { Element, ElementContent, Root } from "hast";

/** Where a mark keeps its number for the component that shows it. */
export const MARK = "dataCitation";

const MARKS = /\[(\d{1,3})\]/g;
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
    if (match.index > from) parts.push({ type: "text", value: text.slice(from, match.index) });
    parts.push(markOf(n));
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push({ type: "text", value: text.slice(from) });
  return parts;
}

function markOf(n: number): Element {
  return { type: "element", tagName: "sup", properties: { [MARK]: n }, children: [] };
}
