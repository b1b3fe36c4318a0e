import type { ChatEvent, GuardBlocked, Status } from "@/api/events";
import { countCharacters, takeCharacters } from "./characters";
import type { Exchange } from "./exchange";

type Event<T extends ChatEvent["type"]> = Extract<ChatEvent, { type: T }>;
type Reducers = {
  readonly [T in ChatEvent["type"]]: (exchange: Exchange, event: Event<T>) => Exchange;
};

const reducers: Reducers = {
  "run.started": (exchange, event) => ({
    ...exchange,
    status: "running",
    runId: event.run_id,
    messageId: event.message_id,
    model: event.model,
    policyVersion: event.policy_version,
    demo: event.demo,
  }),
  status: withStatus,
  sources: (exchange, event) => ({ ...exchange, sources: event.items }),
  "reasoning.delta": (exchange, event) =>
    exchange.stopping ? exchange : { ...exchange, reasoning: exchange.reasoning + event.text },
  "message.delta": withDelta,
  citation: (exchange, event) =>
    exchange.stopping && event.end > exchange.length
      ? exchange
      : { ...exchange, citations: [...exchange.citations, event] },
  "guard.modified": (exchange, event) => ({
    ...exchange,
    modified: [...exchange.modified, event],
  }),
  "guard.blocked": withBlock,
  "message.completed": (exchange, event) => ({ ...exchange, finishReason: event.finish_reason }),
  follow_ups: (exchange, event) => ({ ...exchange, followUps: event.items }),
  usage: (exchange, { type: _, ...usage }) => ({ ...exchange, usage }),
  error: (exchange, { type: _, ...problem }) => ({
    ...exchange,
    problem: { ...problem, type: "about:blank", errors: null },
  }),
  trace: (exchange) => exchange,
  "run.finished": (exchange, event) => ({
    ...exchange,
    status: event.status,
    phase: null,
    reconnecting: 0,
    stopping: false,
  }),
};

/** What an exchange is after an event. An event of a newer service that is not known changes nothing. */
export function reduceExchange(exchange: Exchange, event: ChatEvent): Exchange {
  const reduce = reducers[event.type] as
    | ((exchange: Exchange, event: ChatEvent) => Exchange)
    | undefined;
  return reduce === undefined ? exchange : reduce(exchange, event);
}

/** The exchange without the answer's text from a character on, and without what rests on that text. */
export function clamped(exchange: Exchange, length: number): Exchange {
  if (length >= exchange.length) return exchange;
  return {
    ...exchange,
    text: takeCharacters(exchange.text, length),
    length: Math.max(0, length),
    citations: exchange.citations.filter((citation) => citation.end <= length),
    modified: exchange.modified.filter(({ stage, end }) => stage !== "output" || end <= length),
  };
}

function withStatus(exchange: Exchange, event: Status): Exchange {
  return event.phase === "degraded"
    ? { ...exchange, degraded: event.reason ?? null }
    : { ...exchange, phase: event.phase };
}

function withDelta(exchange: Exchange, event: Event<"message.delta">): Exchange {
  if (exchange.stopping) return exchange;
  // A replay may begin inside what is there already; what comes again replaces it.
  const kept = clamped(exchange, event.offset);
  return {
    ...kept,
    text: kept.text + event.text,
    length: kept.length + countCharacters(event.text),
  };
}

function withBlock(exchange: Exchange, event: GuardBlocked): Exchange {
  const { type: _, retract_from, ...block } = event;
  const from = retract_from ?? exchange.length;
  return {
    ...clamped(exchange, from),
    block,
    retracted: from < exchange.length,
    followUps: [],
  };
}
