import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { ChatEvent, ChatRequest } from "./events";
import { ConnectionError, ProblemError, problemOf } from "./problem";
import type { Session } from "./session";

/** Milliseconds without a byte after which a connection counts as dead; the service pings every 15 s. */
const SILENCE = 40_000;
/** Milliseconds a finished stream has to end by itself. */
const LINGER = 2_000;
/** Attempts in a row without an event before a run is given up: about three minutes. */
const ATTEMPTS = 20;
/** Milliseconds between attempts at most. */
const RETRY_LONGEST = 10_000;

export type Connection =
  | { readonly state: "live" }
  | { readonly state: "reconnecting"; readonly attempt: number };

interface Options {
  readonly session: Pick<Session, "fetch">;
  /** Ends reading. It does not stop the run: that is a request of its own. */
  readonly signal: AbortSignal;
  /** Makes a repeat after a lost answer return the first run, not a second one. */
  readonly idempotencyKey: string;
  readonly onConnection?: (connection: Connection) => void;
}

/** Where a run's stream stands: what a reconnect needs. */
interface Cursor {
  runId: string | null;
  lastEventId: string;
  /** Milliseconds to wait before reconnecting, as the service asks. */
  retry: number;
  finished: boolean;
}

/**
 * Send one turn and read its events, to the last one.
 *
 * A stream that ends without `run.finished` was cut: the run is followed further with
 * `GET /runs/{id}/events`, after the last event that arrived. The turn itself is never sent twice.
 *
 * @throws ProblemError The service refused the turn, or no longer knows the run.
 * @throws ConnectionError The service could not be reached.
 * @throws DOMException `AbortError`, when `signal` was aborted.
 */
export async function* streamChat(
  request: ChatRequest,
  options: Options,
): AsyncGenerator<ChatEvent, void, undefined> {
  const cursor: Cursor = { runId: null, lastEventId: "", retry: 2_000, finished: false };
  const response = await options.session.fetch(
    "/chat",
    {
      method: "POST",
      body: JSON.stringify(request),
      headers: { Accept: "text/event-stream", "Idempotency-Key": options.idempotencyKey },
      signal: options.signal,
    },
    { repeatInNewSession: true },
  );
  if (!response.ok) throw await problemOf(response);
  yield* read(response, cursor, options.signal);
  if (!cursor.finished) yield* follow(cursor, options);
}

/** Read further until the run's last event, over as many connections as it takes. */
async function* follow(cursor: Cursor, options: Options): AsyncGenerator<ChatEvent> {
  let attempt = 0;
  while (!cursor.finished) {
    if (cursor.runId === null || attempt >= ATTEMPTS) {
      throw new ConnectionError("The connection was lost and could not be resumed.");
    }
    attempt += 1;
    options.onConnection?.({ state: "reconnecting", attempt });
    await pause(attempt === 1 ? 0 : delay(cursor.retry, attempt), options.signal);
    const response = await resume(cursor.runId, cursor, options);
    if (response === null) continue;
    options.onConnection?.({ state: "live" });
    for await (const event of read(response, cursor, options.signal)) {
      attempt = 0;
      yield event;
    }
  }
}

/** Ask for the rest of a run; null where another try may do better. */
async function resume(runId: string, cursor: Cursor, options: Options): Promise<Response | null> {
  try {
    const response = await options.session.fetch(`/runs/${encodeURIComponent(runId)}/events`, {
      headers: { Accept: "text/event-stream", "Last-Event-ID": cursor.lastEventId },
      signal: options.signal,
    });
    if (response.ok) return response;
    const error = await problemOf(response);
    if (response.status === 429 || response.status >= 500) return null;
    throw error;
  } catch (error) {
    if (options.signal.aborted || error instanceof ProblemError) throw error;
    return null;
  }
}

/** Read one connection's events until it ends; a connection that breaks just ends. */
async function* read(
  response: Response,
  cursor: Cursor,
  signal: AbortSignal,
): AsyncGenerator<ChatEvent> {
  for await (const message of frames(response, cursor)) {
    const event = accept(message, cursor);
    if (event !== null) yield event;
    if (cursor.finished) return;
  }
  signal.throwIfAborted();
}

/** The frames of one connection, until it ends, breaks or falls silent. */
async function* frames(response: Response, cursor: Cursor): AsyncGenerator<EventSourceMessage> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const arrived: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (event) => arrived.push(event),
    onRetry: (milliseconds) => {
      cursor.retry = milliseconds;
    },
  });
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const chunk = await withSilence(reader.read().catch(() => undefined));
      if (chunk?.value === undefined) return;
      parser.feed(decoder.decode(chunk.value, { stream: true }));
      yield* arrived.splice(0);
    }
  } finally {
    // A finished stream is about to end by itself, and its connection can then be used again; one
    // that is left early would keep its connection open.
    if (cursor.finished) void drain(reader);
    else await reader.cancel().catch(() => undefined);
  }
}

/** Read what is left of a finished stream, unless it does not end in time. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  const timer = setTimeout(() => void reader.cancel().catch(() => undefined), LINGER);
  const rest = () => reader.read().catch(() => ({ done: true }));
  while (!(await rest()).done);
  clearTimeout(timer);
}

/** Take in one frame; null for one that arrived before. */
function accept(message: EventSourceMessage, cursor: Cursor): ChatEvent | null {
  const event = JSON.parse(message.data) as ChatEvent;
  if (message.id !== undefined) {
    if (cursor.lastEventId !== "" && Number(message.id) <= Number(cursor.lastEventId)) return null;
    cursor.lastEventId = message.id;
  }
  if (event.type === "run.started") cursor.runId = event.run_id;
  if (event.type === "run.finished") cursor.finished = true;
  return event;
}

/** What arrives, or undefined when nothing does for too long. */
async function withSilence<T>(arriving: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), SILENCE);
  });
  try {
    return await Promise.race([arriving, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Milliseconds before the next attempt: growing, and spread so that clients do not march in step. */
function delay(retry: number, attempt: number): number {
  const longest = Math.min(retry * 2 ** (attempt - 2), RETRY_LONGEST);
  return longest * (0.5 + Math.random() / 2);
}

/** Wait, but not past the moment the network is back or the page is looked at again. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (milliseconds === 0) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, milliseconds);
    function cleanUp() {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", done);
      signal.removeEventListener("abort", aborted);
    }
    function done() {
      cleanUp();
      resolve();
    }
    function aborted() {
      cleanUp();
      reject(signal.reason);
    }
    addEventListener("online", done);
    document.addEventListener("visibilitychange", done);
    signal.addEventListener("abort", aborted);
  });
}
