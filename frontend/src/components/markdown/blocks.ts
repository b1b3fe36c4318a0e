/**
 * A streamed answer is parsed block by block: a block that is complete never changes again and is
 * parsed once; only the last one, to which text is still added, is parsed with every frame.
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])(?:\s|$)/;
/** The beginning of a list item, where the text ends for now. */
const UNFINISHED_ITEM = /^ {0,3}(?:[-*+]|\d{1,9})$/;
const INDENTED = /^(?: {2,}|\t)/;
/** Link definitions and footnotes reach across blocks: such a text stays whole. */
const DEFINITION = /^ {0,3}\[[^\]]+\]:\s/m;
const MATH = /^\s*\$\$/;

interface Splitter {
  readonly blocks: string[];
  current: string[];
  fence: string | null;
  math: boolean;
  list: boolean;
  gap: boolean;
}

/** Split Markdown into blocks whose concatenation is the text. */
export function splitBlocks(text: string): readonly string[] {
  if (DEFINITION.test(text)) return [text];
  const state: Splitter = {
    blocks: [],
    current: [],
    fence: null,
    math: false,
    list: false,
    gap: false,
  };
  for (const line of text.split(/(?<=\n)/)) take(state, line);
  if (state.current.length > 0) state.blocks.push(state.current.join(""));
  return state.blocks;
}

function take(state: Splitter, line: string): void {
  if (insideLiteral(state, line)) {
    state.current.push(line);
    return;
  }
  if (line.trim() === "") {
    state.gap = state.current.length > 0;
    state.current.push(line);
    return;
  }
  if (state.gap && !continues(state, line)) {
    state.blocks.push(state.current.join(""));
    state.current = [];
    state.list = false;
  }
  if (state.current.length === 0) state.list = LIST_ITEM.test(line);
  state.gap = false;
  open(state, line);
  state.current.push(line);
}

/** Whether a line after an empty one still belongs to the block before. */
function continues(state: Splitter, line: string): boolean {
  return state.list && [INDENTED, LIST_ITEM, UNFINISHED_ITEM].some((form) => form.test(line));
}

function open(state: Splitter, line: string): void {
  const fence = FENCE.exec(line.trimStart())?.[1];
  if (fence !== undefined) state.fence = fence;
  else if (MATH.test(line) && line.trim().split("$$").length === 2) state.math = true;
}

/** Whether the line belongs to code or math that is open; notices where that ends. */
function insideLiteral(state: Splitter, line: string): boolean {
  if (state.fence !== null) {
    const trimmed = line.trim();
    const closing = trimmed.length >= state.fence.length && trimmed.startsWith(state.fence);
    if (closing && new Set(trimmed).size === 1) state.fence = null;
    return true;
  }
  if (state.math) {
    if (line.includes("$$")) state.math = false;
    return true;
  }
  return false;
}
