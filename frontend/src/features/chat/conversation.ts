import { createStore, type StoreApi } from "zustand/vanilla";
import type { ChatEvent, ChatRequest, Problem } from "@/api/events";
import { ConnectionError, ProblemError } from "@/api/problem";
import type { Service } from "@/api/service";
import { streamChat } from "@/api/stream-chat";
import { PerFrame } from "@/platform/frames";
import { randomId } from "@/platform/random-id";
import {
  EMPTY_TREE,
  knownAncestor,
  type Tree,
  visiblePath,
  withChoice,
  withExchange,
  withoutExchange,
} from "./branches";
import { type Exchange, isRunning, newExchange } from "./exchange";
import { reduceExchange } from "./reducer";

export interface ConversationState {
  readonly tree: Tree;
  /** The exchange that is being answered. */
  readonly running: string | null;
  /** What is typed and not yet sent. */
  readonly draft: string;
}

interface Live {
  readonly key: string;
  readonly abort: AbortController;
}

/** What the page knows of the conversation, and everything that can be done to it. */
export class Conversation {
  readonly store: StoreApi<ConversationState>;
  readonly #service: Service;
  readonly #frame = new PerFrame(() => this.#flush());
  #arrived: ChatEvent[] = [];
  #live: Live | null = null;

  constructor(service: Service) {
    this.#service = service;
    this.store = createStore<ConversationState>(() => ({
      tree: EMPTY_TREE,
      running: null,
      draft: "",
    }));
  }

  setDraft(draft: string): void {
    this.store.setState({ draft });
  }

  /** Ask something at the end of the branch that is shown. */
  send(message: string, thinking: boolean): void {
    const last = visiblePath(this.#tree).at(-1);
    this.#ask(message, last?.key ?? null, { message, thinking });
  }

  /** Ask something else instead: a new branch beside the question that was there. */
  edit(key: string, message: string, thinking: boolean): void {
    const exchange = this.#tree.exchanges[key];
    if (exchange !== undefined) this.#ask(message, exchange.parentKey, { message, thinking });
  }

  /** Have the same question answered again, as a branch beside the answer that is there. */
  regenerate(key: string, thinking: boolean): void {
    const exchange = this.#tree.exchanges[key];
    if (exchange?.messageId == null) return;
    this.#ask(exchange.question, exchange.parentKey, { regenerate: exchange.messageId, thinking });
  }

  /** Ask again what a fault left without an answer; takes the place of the failed attempt. */
  retry(key: string, thinking: boolean): void {
    const exchange = this.#tree.exchanges[key];
    if (exchange === undefined || this.#live !== null) return;
    this.store.setState(({ tree }) => ({ tree: withoutExchange(tree, key) }));
    const message = exchange.question;
    this.#ask(message, exchange.parentKey, { message, thinking });
  }

  /** Show another branch. */
  choose(key: string): void {
    this.store.setState(({ tree }) => ({ tree: withChoice(tree, key) }));
  }

  /** Stop the answer: what is on the screen stays, and the service stops generating. */
  async stop(): Promise<void> {
    const live = this.#live;
    if (live === null) return;
    this.#frame.now();
    const exchange = this.#tree.exchanges[live.key];
    if (exchange === undefined || exchange.stopping || !isRunning(exchange)) return;
    this.#put({ ...exchange, stopping: true });
    if (exchange.runId === null) return; // Sent as soon as the run says its id.
    await this.#sendStop(live, exchange.runId, exchange.length);
  }

  /** Forget everything that is on the screen. */
  clear(): void {
    this.#live?.abort.abort();
    this.#live = null;
    this.#arrived = [];
    this.store.setState({ tree: EMPTY_TREE, running: null });
  }

  get #tree(): Tree {
    return this.store.getState().tree;
  }

  #ask(question: string, parentKey: string | null, request: ChatRequest): void {
    if (this.#live !== null) return;
    const exchange = newExchange(randomId(), parentKey, question);
    const parent = knownAncestor(this.#tree, parentKey);
    const isFirst = this.#tree.order.length === 0;
    const placed =
      request.regenerate === undefined && !isFirst ? { ...request, parent_id: parent } : request;
    this.store.setState(({ tree }) => ({
      tree: withExchange(tree, exchange),
      running: exchange.key,
    }));
    const live = { key: exchange.key, abort: new AbortController() };
    this.#live = live;
    void this.#run(live, placed);
  }

  async #run(live: Live, request: ChatRequest): Promise<void> {
    try {
      const events = streamChat(request, {
        session: this.#service.session,
        signal: live.abort.signal,
        idempotencyKey: randomId(),
        onConnection: (connection) =>
          this.#change(live, (exchange) => ({
            ...exchange,
            reconnecting: connection.state === "live" ? 0 : connection.attempt,
          })),
      });
      for await (const event of events) this.#take(live, event);
      this.#end(live, null);
    } catch (error) {
      this.#end(live, error);
    }
  }

  #take(live: Live, event: ChatEvent): void {
    if (this.#live !== live) return;
    this.#arrived.push(event);
    if (event.type === "run.started") {
      this.#frame.now();
      const exchange = this.#tree.exchanges[live.key];
      if (exchange?.stopping) void this.#sendStop(live, event.run_id, exchange.length);
    } else {
      this.#frame.request();
    }
  }

  /** One write to the store for all events of a frame. */
  #flush(): void {
    const events = this.#arrived;
    const exchange = this.#live && this.#tree.exchanges[this.#live.key];
    this.#arrived = [];
    if (exchange && events.length > 0) this.#put(events.reduce(reduceExchange, exchange));
  }

  #end(live: Live, error: unknown): void {
    if (this.#live !== live) return;
    this.#frame.now();
    this.#live = null;
    this.#change(live, (exchange) => ended(exchange, error));
    this.store.setState({ running: null });
  }

  async #sendStop(live: Live, runId: string, seen: number): Promise<void> {
    try {
      await this.#service.stop(runId, seen);
    } catch {
      // The service may go on for its grace time; for the person the answer ends here.
      live.abort.abort();
    }
  }

  #change(live: Live, change: (exchange: Exchange) => Exchange): void {
    const exchange = this.#tree.exchanges[live.key];
    if (exchange !== undefined) this.#put(change(exchange));
  }

  #put(exchange: Exchange): void {
    this.store.setState(({ tree }) => ({ tree: withExchange(tree, exchange) }));
  }
}

/** The exchange after its stream: a stream without its last event ended by `error`. */
function ended(exchange: Exchange, error: unknown): Exchange {
  if (!isRunning(exchange)) return exchange;
  const over = { ...exchange, phase: null, reconnecting: 0, stopping: false };
  if (exchange.stopping) return { ...over, status: "stopped", finishReason: "stopped" };
  return { ...over, status: "failed", problem: exchange.problem ?? problemFor(error) };
}

function problemFor(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  return {
    type: "about:blank",
    title: "",
    status: 0,
    detail: "",
    code: error instanceof ConnectionError ? "connection" : "internal",
    request_id: "",
    retry_after_s: null,
    errors: null,
  };
}
