import { describe, expect, it, vi } from "vitest";
import { delta, finished, started } from "@/testing/events";
import { problem, ScriptedService, ScriptedStream } from "@/testing/scripted-service";
import type { ChatEvent } from "./events";
import { ConnectionError, ProblemError } from "./problem";
import { Session } from "./session";
import { type Connection, streamChat } from "./stream-chat";

function setUp() {
  const service = new ScriptedService();
  const session = new Session({
    fetch: service.fetch,
    preferences: () => ({ language: "en", thinking: false }),
  });
  const abort = new AbortController();
  const connections: Connection[] = [];
  const stream = () =>
    streamChat(
      { message: "Hi" },
      {
        session,
        signal: abort.signal,
        idempotencyKey: "key-1",
        onConnection: (connection) => connections.push(connection),
      },
    );
  return { service, abort, connections, stream };
}

async function collect(events: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const all: ChatEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const RUN = [started(), delta("Hel", 0), delta("lo", 3), finished()] as const;

describe("streamChat", () => {
  it("yields every event up to run.finished, and nothing of pings", async () => {
    const { service, stream } = setUp();
    const script = new ScriptedStream();
    service.streams(script);
    script
      .send(RUN[0])
      .write(": ping\n\n")
      .send(...RUN.slice(1));

    expect(await collect(stream())).toEqual(RUN);
    expect(service.requests("POST", "/chat")[0]?.headers.get("Idempotency-Key")).toBe("key-1");
    expect(script.cancelled).toBe(false);
  });

  it("reads characters that are cut in two by the network", async () => {
    const { service, stream } = setUp();
    const script = new ScriptedStream();
    service.streams(script);
    const bytes = new TextEncoder().encode(`id: 2\ndata: ${JSON.stringify(delta("您好𝄞", 0))}\n\n`);
    script.send(RUN[0]);
    for (const byte of bytes) script.write(Uint8Array.of(byte));
    script.write(`id: 3\ndata: ${JSON.stringify(finished())}\n\n`);

    expect(await collect(stream())).toEqual([RUN[0], delta("您好𝄞", 0), finished()]);
  });

  it("follows the run after a cut with Last-Event-ID, and never sends the turn again", async () => {
    const { service, stream, connections } = setUp();
    const rest = new ScriptedStream(3).send(...RUN.slice(2));
    service.streams(new ScriptedStream().send(RUN[0], RUN[1]).close());
    service.on("GET", "/runs/run-1/events", () => rest.response);

    expect(await collect(stream())).toEqual(RUN);
    expect(service.requests("POST", "/chat")).toHaveLength(1);
    expect(service.requests("GET", "/runs/run-1/events")[0]?.headers.get("Last-Event-ID")).toBe(
      "2",
    );
    expect(connections).toEqual([{ state: "reconnecting", attempt: 1 }, { state: "live" }]);
  });

  it("loses and repeats nothing when the connection breaks again and again", async () => {
    const { service, stream } = setUp();
    const second = new ScriptedStream(2);
    service.streams(new ScriptedStream().send(RUN[0], RUN[1]).close());
    service.on(
      "GET",
      "/runs/run-1/events",
      () => problem(503, "service_unavailable"),
      () => second.send(RUN[1], RUN[2]).close().response,
      () => new ScriptedStream(4).send(RUN[3]).response,
    );

    expect(await collect(stream())).toEqual(RUN);
    const cursors = service
      .requests("GET", "/runs/run-1/events")
      .map(({ headers }) => headers.get("Last-Event-ID"));
    expect(cursors).toEqual(["2", "2", "3"]);
  });

  it("follows the run when the connection breaks with an error", async () => {
    const { service, stream } = setUp();
    const script = new ScriptedStream();
    service.streams(script);
    service.on(
      "GET",
      "/runs/run-1/events",
      () => new ScriptedStream(2).send(...RUN.slice(1)).response,
    );
    const events = stream();
    script.send(RUN[0]);
    expect((await events.next()).value).toEqual(RUN[0]);
    script.break();

    expect(await collect(events)).toEqual(RUN.slice(1));
  });

  it("takes a connection that falls silent for lost", async () => {
    vi.useFakeTimers();
    try {
      const { service, stream } = setUp();
      service.streams(new ScriptedStream().send(RUN[0], RUN[1]));
      service.on(
        "GET",
        "/runs/run-1/events",
        () => new ScriptedStream(3).send(...RUN.slice(2)).response,
      );
      const all = collect(stream());
      await vi.advanceTimersByTimeAsync(41_000);

      expect(await all).toEqual(RUN);
    } finally {
      vi.useRealTimers();
    }
  });

  it("says so when the service no longer knows the run", async () => {
    const { service, stream } = setUp();
    service.streams(new ScriptedStream().send(RUN[0]).close());
    service.on("GET", "/runs/run-1/events", () => problem(404, "not_found"));

    await expect(collect(stream())).rejects.toSatisfy(
      (error) => error instanceof ProblemError && error.problem.code === "not_found",
    );
  });

  it("cannot resume a stream that ended before its run had an id", async () => {
    const { service, stream } = setUp();
    service.streams(new ScriptedStream().close());

    await expect(collect(stream())).rejects.toBeInstanceOf(ConnectionError);
    expect(service.requests("POST", "/chat")).toHaveLength(1);
  });

  it("throws the service's problem, with the seconds to wait", async () => {
    const { service, stream } = setUp();
    service.on("POST", "/chat", () => {
      const response = problem(429, "rate_limited");
      response.headers.set("Retry-After", "7");
      return response;
    });

    await expect(collect(stream())).rejects.toSatisfy(
      (error) => error instanceof ProblemError && error.problem.retry_after_s === 7,
    );
  });

  it("makes a problem of a page that a proxy wrote", async () => {
    const { service, stream } = setUp();
    service.on("POST", "/chat", () => new Response("<h1>Bad gateway</h1>", { status: 503 }));

    await expect(collect(stream())).rejects.toSatisfy(
      (error) => error instanceof ProblemError && error.problem.code === "service_unavailable",
    );
  });

  it("gives the connection back when the reader leaves early", async () => {
    const { service, stream } = setUp();
    const script = new ScriptedStream().send(RUN[0], RUN[1]);
    service.streams(script);
    for await (const event of stream()) if (event.type === "message.delta") break;

    expect(script.cancelled).toBe(true);
  });

  it("ends reading at once when it is aborted, and resumes nothing", async () => {
    const { service, stream, abort } = setUp();
    const script = new ScriptedStream();
    service.streams(script);
    const events = stream();
    script.send(RUN[0]);
    await events.next();
    const next = events.next();
    abort.abort();
    script.break();

    await expect(next).rejects.toHaveProperty("name", "AbortError");
    expect(service.requests("GET", "/runs/run-1/events")).toHaveLength(0);
  });
});
