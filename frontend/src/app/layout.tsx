import { NavLink, Outlet, useLocation } from "react-router";
import { useWords } from "@/i18n/language";
import { LanguageSwitch } from "./language-switch";
import { Mark } from "./mark";
import { MoreMenu } from "./more-menu";
import "./layout.css";

/** What surrounds every page. */
export function Layout() {
  const words = useWords();
  const chatting = useLocation().pathname === "/";
  return (
    <div className="shell">
      {chatting && (
        <a className="skip-link" href="#composer">
          {words.skipToComposer}
        </a>
      )}
      <header className="topbar">
        <NavLink to="/" className="brand" end>
          <Mark />
          Covenant
        </NavLink>
        <nav aria-label={words.nav.label}>
          <NavLink to="/" end>
            {words.nav.chat}
          </NavLink>
          <NavLink to="/constitution">{words.nav.constitution}</NavLink>
        </nav>
        <div className="topbar-tools">
          <LanguageSwitch />
          <MoreMenu />
        </div>
      </header>
      <main>
        <Outlet />
      </main>
    </div>
  );
}
