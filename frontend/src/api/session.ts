import type { StartAnswer } from "./events";
import { ConnectionError, problemOf } from "./problem";

export type Fetch = (input: string, init?: RequestInit) => Promise<Response>;
export type Language = "en" | "zh";

export const API = "/api/v1";

/** The share of a token's life after which it is refreshed. */
const REFRESH_AFTER = 0.8;

export interface Preferences {
  readonly language: Language;
  readonly thinking: boolean;
}

type Started = Omit<StartAnswer, "token">;

interface Options {
  readonly fetch?: Fetch;
  readonly preferences: () => Preferences;
  /** A session began; `replaced` tells that an earlier one had ended unasked. */
  readonly onStarted?: (started: Started, replaced: boolean) => void;
}

/**
 * One anonymous session with the service. Its token lives in this object and nowhere else, so it is
 * gone with the page.
 */
export class Session {
  readonly #options: Options;
  readonly #fetch: Fetch;
  #token: string | null = null;
  #refreshAt = 0;
  #pending: Promise<string> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
  }

  /** Begin the session where there is none yet. */
  async start(): Promise<void> {
    await this.#current();
  }

  /**
   * Send a request as this session.
   *
   * A token that ran out is refreshed first. When the session has ended (401), a new one begins;
   * the request is sent again only where `repeatInNewSession` says that it means the same there.
   */
  async fetch(
    path: string,
    init: RequestInit = {},
    { repeatInNewSession = false } = {},
  ): Promise<Response> {
    const used = await this.#current();
    const response = await this.#send(path, init, used);
    if (response.status !== 401) return response;
    const fresh = await this.#replacing(used);
    return repeatInNewSession ? this.#send(path, init, fresh) : response;
  }

  /** Erase everything the service keeps about this session, and begin another. */
  async erase(): Promise<void> {
    if (this.#token !== null) {
      const response = await this.#send("/chat/session", { method: "DELETE" }, this.#token);
      if (!response.ok && response.status !== 401) throw await problemOf(response);
    }
    this.#forget();
    await this.#single(() => this.#begin(false));
  }

  #current(): Promise<string> {
    if (this.#pending !== null) return this.#pending;
    if (this.#token === null) return this.#single(() => this.#begin(false));
    if (Date.now() < this.#refreshAt) return Promise.resolve(this.#token);
    const stale = this.#token;
    return this.#single(() => this.#refresh(stale));
  }

  /** The token after `used` was refused: of a new session, unless another request began one. */
  #replacing(used: string): Promise<string> {
    if (this.#pending !== null) return this.#pending;
    if (this.#token !== null && this.#token !== used) return Promise.resolve(this.#token);
    this.#forget();
    return this.#single(() => this.#begin(true));
  }

  /** Whoever needs a token while one is on its way waits for that one. */
  #single(get: () => Promise<string>): Promise<string> {
    this.#pending ??= get().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  async #begin(replaced: boolean): Promise<string> {
    const response = await this.#send(
      "/chat/start",
      { method: "POST", body: JSON.stringify({ preferences: this.#options.preferences() }) },
      null,
    );
    if (!response.ok) throw await problemOf(response);
    const { token, ...started } = (await response.json()) as StartAnswer;
    this.#keep(token, started.expires_at, response);
    this.#options.onStarted?.(started, replaced);
    return token;
  }

  async #refresh(stale: string): Promise<string> {
    const response = await this.#send("/chat/refresh", { method: "POST" }, stale);
    if (response.status === 401) {
      this.#forget();
      return this.#begin(true);
    }
    if (!response.ok) throw await problemOf(response);
    const fresh = (await response.json()) as { token: string; expires_at: string };
    this.#keep(fresh.token, fresh.expires_at, response);
    return fresh.token;
  }

  #keep(token: string, expiresAt: string, response: Response): void {
    // The service's own clock tells how long the token lives: this machine's may be wrong.
    const date = Date.parse(response.headers.get("Date") ?? "");
    const life = Date.parse(expiresAt) - (Number.isNaN(date) ? Date.now() : date);
    const wait = Math.max(life * REFRESH_AFTER, 1_000);
    this.#token = token;
    this.#refreshAt = Date.now() + wait;
    clearTimeout(this.#timer);
    // A failure here is met again, and told, by the next request.
    this.#timer = setTimeout(() => void this.#current().catch(() => undefined), wait);
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#token = null;
  }

  async #send(path: string, init: RequestInit, token: string | null): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("Authorization", `Bearer ${token}`);
    if (init.body !== undefined) headers.set("Content-Type", "application/json");
    try {
      return await this.#fetch(`${API}${path}`, {
        ...init,
        headers,
        cache: "no-store",
        credentials: "omit",
      });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ConnectionError("The service cannot be reached.", { cause: error });
    }
  }
}
