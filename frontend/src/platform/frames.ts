/** Milliseconds until a hidden page, which draws no frames, is served anyway. */
const HIDDEN_PAGE = 150;

/** Calls `action` once for any number of requests in one animation frame. */
export class PerFrame {
  readonly #action: () => void;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(action: () => void) {
    this.#action = action;
  }

  request(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => this.now());
    this.#timer = setTimeout(() => this.now(), HIDDEN_PAGE);
  }

  /** Call it at once instead of with the next frame. */
  now(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
    this.#action();
  }
}
