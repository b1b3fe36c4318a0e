import type {
  Citation,
  GuardBlocked,
  GuardModified,
  HistoryItem,
  Problem,
  RunFinished,
  SourceItem,
  Status,
  UsageReport,
} from "@/api/events";

export type Phase = Status["phase"];

/** What stopped an answer, as the card shows it. */
export type Block = Omit<GuardBlocked, "type" | "retract_from">;

export type UsageFigures = Omit<UsageReport, "type">;

/** One question and its answer, as far as it is known. */
export interface Exchange {
  /** Stands for the exchange on this page; the service's own id comes with the run. */
  readonly key: string;
  readonly parentKey: string | null;
  readonly question: string;
  readonly messageId: string | null;
  readonly runId: string | null;
  readonly status: "sending" | "running" | RunFinished["status"];
  readonly phase: Phase | null;
  /** The attempt to get a lost connection back; 0 while the connection lives. */
  readonly reconnecting: number;
  /** The person pressed Stop: what arrives after that is not shown. */
  readonly stopping: boolean;
  readonly text: string;
  /** Characters of `text`. */
  readonly length: number;
  readonly reasoning: string;
  readonly sources: readonly SourceItem[];
  readonly citations: readonly Citation[];
  readonly modified: readonly GuardModified[];
  readonly block: Block | null;
  /** Text that had been shown was withdrawn. */
  readonly retracted: boolean;
  readonly problem: Problem | null;
  readonly followUps: readonly string[];
  readonly usage: UsageFigures | null;
  readonly model: string | null;
  readonly policyVersion: string | null;
  readonly demo: boolean;
  /** The rung of the fallback ladder that answers; null for the configured model. */
  readonly degraded: string | null;
  readonly finishReason: HistoryItem["finish_reason"] | null;
}

export function newExchange(key: string, parentKey: string | null, question: string): Exchange {
  return {
    key,
    parentKey,
    question,
    messageId: null,
    runId: null,
    status: "sending",
    phase: null,
    reconnecting: 0,
    stopping: false,
    text: "",
    length: 0,
    reasoning: "",
    sources: [],
    citations: [],
    modified: [],
    block: null,
    retracted: false,
    problem: null,
    followUps: [],
    usage: null,
    model: null,
    policyVersion: null,
    demo: false,
    degraded: null,
    finishReason: null,
  };
}

export function isRunning(exchange: Exchange): boolean {
  return exchange.status === "sending" || exchange.status === "running";
}
