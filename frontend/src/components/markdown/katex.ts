import katex from "katex";

/**
 * Put a formula into an element as MathML nodes: no HTML is parsed, and nothing of it is styled inline.
 *
 * Commands that load or link something stay untrusted; expansions and sizes are bounded.
 */
export function renderFormula(tex: string, element: HTMLElement, display: boolean): void {
  katex.render(tex, element, {
    displayMode: display,
    output: "mathml",
    throwOnError: false,
    trust: false,
    strict: "ignore",
    maxExpand: 200,
    maxSize: 20,
  });
}
