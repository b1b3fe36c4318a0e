import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import "./menu.css";

/** A button that discloses a short list of actions; Esc or a click elsewhere closes it. */
export function Menu({
  label,
  icon,
  children,
}: {
  readonly label: string;
  readonly icon: ReactNode;
  /** The items; called with what closes the menu. */
  readonly children: (close: () => void) => ReactNode;
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();

  useEffect(() => {
    if (!open) return;
    function onPointer(event: PointerEvent) {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    }
    function onKey(event: KeyboardEvent) {
      if (event.key !== "Escape") return;
      event.preventDefault();
      setOpen(false);
      button.current?.focus();
    }
    function onFocus(event: FocusEvent) {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    }
    addEventListener("pointerdown", onPointer);
    addEventListener("keydown", onKey, true);
    addEventListener("focusin", onFocus);
    return () => {
      removeEventListener("pointerdown", onPointer);
      removeEventListener("keydown", onKey, true);
      removeEventListener("focusin", onFocus);
    };
  }, [open]);

  return (
    <div className="menu" ref={root}>
      <button
        ref={button}
        type="button"
        className="icon-button"
        aria-label={label}
        title={label}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        {icon}
      </button>
      <div id={id} className="menu-items" hidden={!open}>
        {open && children(() => setOpen(false))}
      </div>
    </div>
  );
}
