import { render, screen } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { ErrorBoundary } from "./error-boundary";

function Broken(): never {
  throw new Error("broken");
}

describe("ErrorBoundary", () => {
  it("says that the page has broken instead of showing none", () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    render(
      <ErrorBoundary>
        <Broken />
      </ErrorBoundary>,
    );

    expect(screen.getByRole("alert")).toHaveTextContent("The page has broken");
    expect(screen.getByRole("button", { name: "Reload" })).toBeVisible();
  });
});
