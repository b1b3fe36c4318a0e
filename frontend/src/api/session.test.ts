import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { json, problem, ScriptedService } from "@/testing/scripted-service";
import { ConnectionError } from "./problem";
import { Session } from "./session";

const MINUTES = 60_000;

function setUp() {
  const service = new ScriptedService();
  const onStarted = vi.fn();
  const session = new Session({
    fetch: service.fetch,
    preferences: () => ({ language: "zh", thinking: true }),
    onStarted,
  });
  return { service, session, onStarted };
}

function tokens(service: ScriptedService, path: string) {
  return service.seen
    .filter((request) => request.path === path)
    .map(({ headers }) => headers.get("Authorization"));
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("Session", () => {
  it("starts once for everybody who waits, with the person's preferences", async () => {
    const { service, session } = setUp();
    service.on("GET", "/x", () => json({}));
    await Promise.all([session.start(), session.fetch("/x"), session.fetch("/x")]);

    const starts = service.requests("POST", "/chat/start");
    expect(starts).toHaveLength(1);
    expect(starts[0]?.body).toEqual({ preferences: { language: "zh", thinking: true } });
    expect(tokens(service, "/x")).toEqual(["Bearer token-1", "Bearer token-1"]);
  });

  it("keeps its token out of every storage", async () => {
    const { session } = setUp();
    await session.start();

    expect(localStorage).toHaveLength(0);
    expect(sessionStorage).toHaveLength(0);
    expect(document.cookie).toBe("");
    expect(JSON.stringify(session)).not.toContain("token-1");
  });

  it("refreshes its token before it runs out", async () => {
    const { service, session } = setUp();
    service.on("GET", "/x", () => json({}));
    service.on("POST", "/chat/refresh", () =>
      json({
        token: "token-fresh",
        expires_at: new Date(Date.now() + 15 * MINUTES).toISOString(),
      }),
    );
    await session.start();
    await vi.advanceTimersByTimeAsync(13 * MINUTES);
    await session.fetch("/x");

    expect(tokens(service, "/chat/refresh")).toEqual(["Bearer token-1"]);
    expect(tokens(service, "/x")).toEqual(["Bearer token-fresh"]);
  });

  it("begins a new session after a 401, tells it, and repeats what means the same there", async () => {
    const { service, session, onStarted } = setUp();
    service.on(
      "POST",
      "/chat",
      () => problem(401, "authentication"),
      () => json({}),
    );
    const response = await session.fetch("/chat", { method: "POST" }, { repeatInNewSession: true });

    expect(response.status).toBe(200);
    expect(tokens(service, "/chat")).toEqual(["Bearer token-1", "Bearer token-2"]);
    expect(onStarted).toHaveBeenLastCalledWith(
      expect.objectContaining({ session_id: "session-2" }),
      true,
    );
    expect(onStarted.mock.calls.flat()).not.toContainEqual(
      expect.objectContaining({ token: expect.anything() }),
    );
  });

  it("begins one new session, however many requests were refused", async () => {
    const { service, session } = setUp();
    await session.start();
    let refuse: (response: Response) => void = () => {};
    service.on("GET", "/slow", () => new Promise((resolve) => (refuse = resolve)));
    service.on("GET", "/fast", () => problem(401, "authentication"));
    const slow = session.fetch("/slow");
    await session.fetch("/fast");
    refuse(problem(401, "authentication"));
    await slow;

    expect(service.requests("POST", "/chat/start")).toHaveLength(2);
  });

  it("does not repeat what belongs to the old session", async () => {
    const { service, session } = setUp();
    service.on("GET", "/appeals/1", () => problem(401, "authentication"));
    const response = await session.fetch("/appeals/1");

    expect(response.status).toBe(401);
    expect(tokens(service, "/appeals/1")).toHaveLength(1);
  });

  it("begins a new session when the old one cannot be refreshed", async () => {
    const { service, session, onStarted } = setUp();
    service.on("GET", "/x", () => json({}));
    service.on("POST", "/chat/refresh", () => problem(401, "authentication"));
    await session.start();
    await vi.advanceTimersByTimeAsync(13 * MINUTES);
    await session.fetch("/x");

    expect(tokens(service, "/x")).toEqual(["Bearer token-2"]);
    expect(onStarted).toHaveBeenLastCalledWith(expect.anything(), true);
  });

  it("erases with its token, then begins another session unasked for nothing", async () => {
    const { service, session, onStarted } = setUp();
    await session.start();
    await session.erase();

    expect(tokens(service, "/chat/session")).toEqual(["Bearer token-1"]);
    expect(onStarted).toHaveBeenLastCalledWith(
      expect.objectContaining({ session_id: "session-2" }),
      false,
    );
  });

  it("keeps the session when erasing fails, so that it can be tried again", async () => {
    const { service, session } = setUp();
    service.on("DELETE", "/chat/session", () => problem(503, "service_unavailable"));
    await session.start();

    await expect(session.erase()).rejects.toHaveProperty("problem.code", "service_unavailable");
    expect(service.requests("POST", "/chat/start")).toHaveLength(1);
  });

  it("says when the service cannot be reached, and tries again when asked again", async () => {
    const { service, session } = setUp();
    service.on(
      "POST",
      "/chat/start",
      () => {
        throw new TypeError("Failed to fetch");
      },
      () =>
        json({ token: "t", expires_at: new Date(Date.now() + 15 * MINUTES).toISOString() }, 201),
    );

    await expect(session.start()).rejects.toBeInstanceOf(ConnectionError);
    await expect(session.start()).resolves.toBeUndefined();
  });
});
