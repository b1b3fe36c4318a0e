/**
 * What can go wrong between the page and the service.
 *
 *     ServiceError
 *     ├── ProblemError       the service answered with a problem (RFC 9457)
 *     └── ConnectionError    no answer, or the answer broke off and could not be resumed
 */
import type { Problem } from "./events";

export class ServiceError extends Error {
  override name = "ServiceError";
}

export class ProblemError extends ServiceError {
  override name = "ProblemError";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

export class ConnectionError extends ServiceError {
  override name = "ConnectionError";
}

const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  400: "bad_request",
  401: "authentication",
  403: "forbidden",
  404: "not_found",
  409: "conflict",
  429: "rate_limited",
  503: "service_unavailable",
};

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "detail" in value &&
    typeof value.detail === "string"
  );
}

/**
 * Read a refusal, whoever wrote it: a proxy's HTML page becomes a problem as well.
 *
 * Seconds in `Retry-After` count where the body names none.
 */
export async function problemOf(response: Response): Promise<ProblemError> {
  const body: unknown = await response.json().catch(() => null);
  const after = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retryAfter = Number.isFinite(after) ? after : null;
  if (isProblem(body)) {
    return new ProblemError({ ...body, retry_after_s: body.retry_after_s ?? retryAfter });
  }
  return new ProblemError({
    type: "about:blank",
    title: response.statusText || String(response.status),
    status: response.status,
    detail: "",
    code: CODE_OF_STATUS[response.status] ?? "internal",
    request_id: response.headers.get("X-Request-Id") ?? "",
    retry_after_s: retryAfter,
    errors: null,
  });
}
