import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** Pixels from the end within which the reader counts as being there. */
const NEAR = 64;

interface StickyScroll {
  readonly atEnd: boolean;
  readonly toEnd: () => void;
}

/** Keeps the end of growing content in view until the reader scrolls up; `toEnd` takes hold again. */
export function useStickyScroll(
  frame: RefObject<HTMLElement | null>,
  content: RefObject<HTMLElement | null>,
  enabled: boolean,
): StickyScroll {
  const [atEnd, setAtEnd] = useState(true);
  const holding = useRef(true);
  const lastTop = useRef(0);

  const toEnd = useCallback(() => {
    holding.current = true;
    setAtEnd(true);
    if (frame.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [frame]);

  useEffect(() => {
    const box = frame.current;
    const inner = content.current;
    if (box === null || inner === null || !enabled) return;
    function onScroll() {
      if (box === null) return;
      const left = box.scrollHeight - box.clientHeight - box.scrollTop;
      // Growing content moves the end, not the reader: only scrolling up lets go.
      if (left < NEAR) holding.current = true;
      else if (box.scrollTop < lastTop.current) holding.current = false;
      lastTop.current = box.scrollTop;
      setAtEnd(left < NEAR || holding.current);
    }
    const observer = new ResizeObserver(() => {
      if (holding.current) box.scrollTop = box.scrollHeight;
      else onScroll();
    });
    observer.observe(inner);
    observer.observe(box);
    box.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", onScroll);
    };
  }, [frame, content, enabled]);

  return { atEnd, toEnd };
}
