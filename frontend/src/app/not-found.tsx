import { Link } from "react-router";
import { useWords } from "@/i18n/language";

export function NotFound() {
  const words = useWords();
  return (
    <div className="plain-page">
      <h1>{words.notFound.title}</h1>
      <p>
        <Link to="/">{words.notFound.home}</Link>
      </p>
    </div>
  );
}
