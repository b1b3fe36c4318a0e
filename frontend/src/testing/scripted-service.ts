import type { ChatEvent, StartAnswer } from "@/api/events";
import type { Fetch } from "@/api/session";

/** A request the page made. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  // Read by tests that know what they sent.
  readonly body: Readonly<Record<string, unknown>>;
}

type Respond = (request: Seen) => Response | Promise<Response>;

const encoder = new TextEncoder();

/** A stream that a test writes, event by event, numbered from `first`. */
export class ScriptedStream {
  readonly response: Response;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #next: number;
  cancelled = false;

  constructor(first = 1) {
    this.#next = first;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        controller.enqueue(encoder.encode("retry: 1\n\n"));
      },
      cancel: () => {
        this.cancelled = true;
      },
    });
    this.response = new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  }

  send(...events: readonly ChatEvent[]): this {
    for (const event of events) {
      this.write(`event: ${event.type}\nid: ${this.#next}\ndata: ${JSON.stringify(event)}\n\n`);
      this.#next += 1;
    }
    return this;
  }

  write(text: string | Uint8Array): this {
    this.#controller?.enqueue(typeof text === "string" ? encoder.encode(text) : text);
    return this;
  }

  /** The connection ends, finished or not. */
  close(): this {
    this.#controller?.close();
    return this;
  }

  /** The connection breaks. */
  break(): this {
    this.#controller?.error(new TypeError("network error"));
    return this;
  }
}

/** Stands for the service: answers by script, remembers what it was asked. */
export class ScriptedService {
  readonly seen: Seen[] = [];
  readonly #routes = new Map<string, Respond[]>();
  #sessions = 0;

  constructor() {
    this.on("POST", "/chat/start", () => json(this.#start(), 201));
    this.on("DELETE", "/chat/session", () => new Response(null, { status: 204 }));
  }

  readonly fetch: Fetch = async (input, init = {}) => {
    init.signal?.throwIfAborted();
    const request: Seen = {
      method: init.method ?? "GET",
      path: input.replace("/api/v1", ""),
      headers: new Headers(init.headers),
      body: typeof init.body === "string" ? JSON.parse(init.body) : {},
    };
    this.seen.push(request);
    const respond = this.#next(`${request.method} ${request.path}`);
    if (respond === undefined) throw new TypeError(`Nothing answers ${request.path}.`);
    return respond(request);
  };

  /** Answer a path; several answers are given in turn, the last one again and again. */
  on(method: string, path: string, ...respond: readonly Respond[]): this {
    this.#routes.set(`${method} ${path}`, [...respond]);
    return this;
  }

  /** What answers a path so far. */
  answers(method: string, path: string): readonly Respond[] {
    return this.#routes.get(`${method} ${path}`) ?? [];
  }

  /** Answer the next turns with these streams. */
  streams(...streams: readonly ScriptedStream[]): this {
    return this.on("POST", "/chat", ...streams.map((stream) => () => stream.response));
  }

  requests(method: string, path: string): readonly Seen[] {
    return this.seen.filter((request) => request.method === method && request.path === path);
  }

  #next(route: string): Respond | undefined {
    const responses = this.#routes.get(route) ?? [];
    return responses.length > 1 ? responses.shift() : responses[0];
  }

  #start(): StartAnswer {
    this.#sessions += 1;
    return {
      session_id: `session-${this.#sessions}`,
      token: `token-${this.#sessions}`,
      expires_at: new Date(Date.now() + 900_000).toISOString(),
      session_expires_at: new Date(Date.now() + 43_200_000).toISOString(),
      message: "Hello!",
      suggestions: [],
      notices: ["I'm an AI and can be wrong."],
    };
  }
}

export function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "Content-Type": "application/json" },
  });
}

export function problem(status: number, code: string, more: object = {}): Response {
  return json(
    { type: "about:blank", title: code, status, detail: "", code, request_id: "r-1", ...more },
    status,
  );
}
