import { Children, isValidElement, type ReactNode } from "react";
import { CopyButton } from "@/components/copy-button";
import { useWords } from "@/i18n/language";
import { Formula } from "./formula";
import { Highlighted } from "./highlighted";

const LANGUAGE = /language-([\w+#.-]+)/;

/** A block of code with its language and a button that copies it. */
export function CodeBlock({ children }: { readonly children?: ReactNode }) {
  const words = useWords();
  const { language, code } = read(children);
  if (language === "math") return <Formula tex={code} display />;
  return (
    <figure className="code-block" dir="ltr">
      <figcaption>
        <span>{language || words.answer.code}</span>
        <CopyButton text={code} label={words.answer.copyCode} />
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it */}
      <pre tabIndex={0}>
        <code>
          <Highlighted code={code} language={language} />
        </code>
      </pre>
    </figure>
  );
}

function read(children: ReactNode): { readonly language: string; readonly code: string } {
  for (const child of Children.toArray(children)) {
    if (!isValidElement<{ className?: string; children?: ReactNode }>(child)) continue;
    return {
      language: LANGUAGE.exec(child.props.className ?? "")?.[1] ?? "",
      code: Children.toArray(child.props.children).join("").replace(/\n$/, ""),
    };
  }
  return { language: "", code: "" };
}
