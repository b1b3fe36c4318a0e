import { useEffect, useRef } from "react";

/** A formula as MathML, which browsers lay out and screen readers read; its source until it is there. */
export function Formula({ tex, display }: { readonly tex: string; readonly display: boolean }) {
  const element = useRef<HTMLSpanElement>(null);

  useEffect(() => {
    let wanted = true;
    void import("./katex").then(
      ({ renderFormula }) => {
        if (wanted && element.current) renderFormula(tex, element.current, display);
      },
      // Without the chunk, as when the network is gone, the source stays.
      () => undefined,
    );
    return () => {
      wanted = false;
    };
  }, [tex, display]);

  // The key makes a fresh element for a changed formula: its content is not React's.
  return (
    <span key={tex} ref={element} className={display ? "formula-display" : "formula"} dir="ltr">
      {tex}
    </span>
  );
}
