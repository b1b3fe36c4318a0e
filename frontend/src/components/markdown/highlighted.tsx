import type { Root, RootContent } from "hast";
import { type ReactNode, useEffect, useState } from "react";

/** Milliseconds that code must stay the same before it is coloured: it may still be streaming. */
const SETTLED = 150;

/** Code in colours, once it is complete and the highlighter, which is loaded on first use, is there. */
export function Highlighted({
  code,
  language,
}: {
  readonly code: string;
  readonly language: string;
}) {
  const [coloured, setColoured] = useState<{ readonly code: string; readonly tree: Root | null }>();

  useEffect(() => {
    if (language === "") return;
    let wanted = true;
    const timer = setTimeout(async () => {
      // Without the chunk, as when the network is gone, the code stays as it is.
      const module = await import("./highlight").catch(() => null);
      if (wanted && module) setColoured({ code, tree: module.highlight(code, language) });
    }, SETTLED);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [code, language]);

  return coloured?.code === code && coloured.tree ? nodes(coloured.tree.children) : code;
}

function nodes(children: readonly RootContent[]): ReactNode {
  return children.map((child, index) => {
    if (child.type === "text") return child.value;
    if (child.type !== "element") return null;
    const { className } = child.properties;
    return (
      <span
        // biome-ignore lint/suspicious/noArrayIndexKey: the tree of one code never changes
        key={index}
        className={Array.isArray(className) ? className.join(" ") : undefined}
      >
        {nodes(child.children)}
      </span>
    );
  });
}
