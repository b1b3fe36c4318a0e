/**
 * Tells an Enter that sends from one that ends a composition, as when typing Chinese: Safari ends the
 * composition before the key arrives, so the flag on the event alone would send half a word.
 */

/** Milliseconds after the end of a composition in which Enter still belongs to it. */
const AFTERMATH = 30;
/** What browsers report while an input method handles the key. */
const HANDLED_BY_INPUT_METHOD = 229;

interface Key {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly keyCode: number;
  readonly isComposing: boolean;
  readonly timeStamp: number;
}

export class EnterGuard {
  #composing = false;
  #endedAt = Number.NEGATIVE_INFINITY;

  compositionStarted(): void {
    this.#composing = true;
  }

  compositionEnded(timeStamp: number): void {
    this.#composing = false;
    this.#endedAt = timeStamp;
  }

  sends(event: Key): boolean {
    if (event.key !== "Enter" || event.shiftKey) return false;
    if (this.#composing || event.isComposing) return false;
    if (event.keyCode === HANDLED_BY_INPUT_METHOD) return false;
    return event.timeStamp - this.#endedAt > AFTERMATH;
  }
}
