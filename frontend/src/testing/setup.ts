import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach, vi } from "vitest";

// Generous: a busy machine is slow, and a test that waits for nothing costs nothing.
configure({ asyncUtilTimeout: 8_000 });

// What jsdom lacks. Dialogs open and close as browsers do, without their modality.
HTMLDialogElement.prototype.show ??= function show(this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.showModal ??= function showModal(this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function close(this: HTMLDialogElement) {
  this.open = false;
};
Element.prototype.scrollIntoView ??= () => {};
globalThis.ResizeObserver ??= class {
  observe() {}
  unobserve() {}
  disconnect() {}
};
globalThis.matchMedia ??= (media) =>
  ({ matches: false, media, addEventListener() {}, removeEventListener() {} }) as never;

beforeEach(() => {
  vi.stubGlobal("fetch", () => {
    throw new Error("A test tried to reach the network.");
  });
  window.history.replaceState(null, "", "/");
});

afterEach(cleanup);
