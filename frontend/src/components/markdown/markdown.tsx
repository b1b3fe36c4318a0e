import { ExternalLink } from "lucide-react";
import { type ComponentProps, memo, type ReactNode, useMemo } from "react";
import ReactMarkdown, { type Components, type ExtraProps, type Options } from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import remarkMath from "remark-math";
import remend from "remend";
import { useWords } from "@/i18n/language";
import { splitBlocks } from "./blocks";
import { citationMarks, MARK } from "./citation-marks";
import { CodeBlock } from "./code-block";
import { Formula } from "./formula";
import { unifyMath } from "./math-delimiters";
import "./markdown.css";

const SAFE_LINK = /^(?:https?:|mailto:)/i;

interface Props {
  readonly text: string;
  /** Text is still being added. */
  readonly streaming?: boolean;
  /** Numbers that `[n]` may cite. Keep the same set while it holds the same numbers. */
  readonly citable?: ReadonlySet<number>;
  readonly renderMark?: (n: number) => ReactNode;
}

/** Blocks from which on an answer is laid out only where it is seen. */
const LONG = 60;
const NOTHING: ReadonlySet<number> = new Set();

/**
 * Text from a model or a document as Markdown: sanitised, no HTML, nothing loaded from elsewhere.
 *
 * `renderMark` must not change between renders, or every block is rendered again.
 */
export function Markdown({ text, streaming = false, citable = NOTHING, renderMark }: Props) {
  const blocks = useMemo(() => splitBlocks(unifyMath(text)), [text]);
  return (
    <div className="markdown" dir="auto" data-long={blocks.length > LONG || undefined}>
      {blocks.map((block, index) => (
        <Block
          // biome-ignore lint/suspicious/noArrayIndexKey: blocks only ever grow at the end
          key={index}
          text={block}
          open={streaming && index === blocks.length - 1}
          citable={citable}
          renderMark={renderMark}
        />
      ))}
    </div>
  );
}

const Block = memo(function Block({
  text,
  open,
  citable,
  renderMark,
}: {
  readonly text: string;
  readonly open: boolean;
  readonly citable: ReadonlySet<number>;
  readonly renderMark: Props["renderMark"];
}) {
  const plugins = useMemo(() => [rehypeSanitize, citationMarks(citable)], [citable]);
  const components = useMemo(() => componentsWith(renderMark), [renderMark]);
  return (
    <ReactMarkdown remarkPlugins={REMARK} rehypePlugins={plugins} components={components}>
      {open ? remend(text) : text}
    </ReactMarkdown>
  );
});

const REMARK: Options["remarkPlugins"] = [remarkGfm, [remarkMath, { singleDollarTextMath: false }]];

function componentsWith(renderMark: Props["renderMark"]): Components {
  return {
    ...COMPONENTS,
    sup: ({ node, children, ...rest }) => {
      const n = node?.properties[MARK];
      return typeof n === "number" && renderMark ? renderMark(n) : <sup {...rest}>{children}</sup>;
    },
  };
}

/** An answer's headings stand below the page's own. */
function heading(Level: "h3" | "h4" | "h5" | "h6") {
  return function Heading({ node: _, ...rest }: ComponentProps<"h3"> & ExtraProps) {
    return <Level {...rest} />;
  };
}

const COMPONENTS: Components = {
  h1: heading("h3"),
  h2: heading("h4"),
  h3: heading("h5"),
  h4: heading("h6"),
  h5: heading("h6"),
  h6: heading("h6"),
  a: Link,
  img: ImageLink,
  pre: ({ node: _, children }) => <CodeBlock>{children}</CodeBlock>,
  code: Code,
  table: Table,
  input: Task,
};

function Link({ href, children }: ComponentProps<"a">) {
  const words = useWords();
  if (href === undefined || !SAFE_LINK.test(href)) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noreferrer noopener nofollow">
      {children}
      <ExternalLink
        className="external-mark"
        role="img"
        aria-label={` (${words.answer.linkNewWindow})`}
      />
    </a>
  );
}

/** Loading an image would tell its host that this was read: it is a link that a person may follow. */
function ImageLink({ src, alt }: ComponentProps<"img">) {
  const words = useWords();
  return (
    <Link href={typeof src === "string" ? src : undefined}>{words.answer.image(alt ?? "")}</Link>
  );
}

function Code({ className, children }: ComponentProps<"code">) {
  return className === "language-math" ? (
    <Formula tex={String(children)} display={false} />
  ) : (
    <code>{children}</code>
  );
}

function Table({ children }: ComponentProps<"table">) {
  const words = useWords();
  return (
    // biome-ignore lint/a11y/useSemanticElements: a section of its own would be a landmark too many
    <div
      className="table-frame"
      role="group"
      aria-label={words.answer.table}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll it
      tabIndex={0}
    >
      <table>{children}</table>
    </div>
  );
}

function Task({ checked }: ComponentProps<"input">) {
  const words = useWords();
  return (
    <input type="checkbox" checked={checked ?? false} disabled aria-label={words.answer.task} />
  );
}
