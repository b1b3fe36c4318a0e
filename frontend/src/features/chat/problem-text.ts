import { useCallback } from "react";
import type { Problem } from "@/api/events";
import { ConnectionError, ProblemError } from "@/api/problem";
import { useWords } from "@/i18n/language";

/** Puts a fault in words: the page's own for a known code, and what the service adds to it. */
export function useProblemText(): (error: unknown) => string {
  const words = useWords();
  return useCallback(
    (error) => {
      const { code, detail } = codeAndDetail(error);
      const known = words.fault.codes[code] ?? words.fault.codes["internal"] ?? "";
      const adds = code === "bad_request" || code === "conflict";
      return adds && detail !== "" ? detail : known;
    },
    [words],
  );
}

function codeAndDetail(error: unknown): Pick<Problem, "code" | "detail"> {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof ConnectionError) return { code: "connection", detail: "" };
  return { code: "internal", detail: "" };
}
