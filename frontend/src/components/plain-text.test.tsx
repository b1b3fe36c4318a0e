import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { PlainText } from "./plain-text";

describe("PlainText", () => {
  it("links bare https addresses, without the punctuation after them, and nothing else", () => {
    const { container } = render(
      <PlainText text={"See https://findahelpline.com，or http://a.example.\n<b>no</b> [x](y)"} />,
    );

    expect(screen.getAllByRole("link").map((link) => link.getAttribute("href"))).toEqual([
      "https://findahelpline.com",
    ]);
    expect(container).toHaveTextContent("<b>no</b> [x](y)");
  });
});
