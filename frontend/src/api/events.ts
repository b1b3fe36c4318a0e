import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type RunStarted = Schemas["RunStarted"];
export type Status = Schemas["Status"];
export type Sources = Schemas["Sources"];
export type SourceItem = Schemas["SourceItem"];
export type Citation = Schemas["Citation"];
export type GuardModified = Schemas["GuardModified"];
export type GuardBlocked = Schemas["GuardBlocked"];
export type PrincipleRef = Schemas["PrincipleRef"];
export type UsageReport = Schemas["UsageReport"];
export type RunFinished = Schemas["RunFinished"];

/** One event of the stream, told apart by `type`. */
export type ChatEvent = Schemas["ChatEvent"];

export type ChatRequest = Schemas["ChatRequest"];
export type StartAnswer = Schemas["StartAnswer"];
export type HistoryItem = Schemas["HistoryItem"];
export type SourceView = Schemas["SourceView"];
export type AppealRequest = Schemas["AppealRequest"];
export type AppealAnswer = Schemas["AppealAnswer"];
export type FeedbackRequest = Schemas["FeedbackRequest"];
export type Constitution = Schemas["Constitution"];
export type Problem = Schemas["Problem"];
