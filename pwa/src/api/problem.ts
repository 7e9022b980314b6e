/** What went wrong with a request: the server's problem+json, or that nobody answered. */

import { TookTooLong } from '../core/within';
import type { FieldFault, ProblemCode } from './codes';

export interface ProblemParts {
  code: ProblemCode;
  status: number;
  detail?: string | undefined;
  retryAfterSeconds?: number | undefined;
  fields?: Record<string, FieldFault> | undefined;
  cause?: unknown;
}

export class ApiProblem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly detail: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly fields: Record<string, FieldFault>;

  constructor(parts: ProblemParts) {
    super(`${parts.status} ${parts.code}`, { cause: parts.cause });
    this.name = 'ApiProblem';
    this.code = parts.code;
    this.status = parts.status;
    this.detail = parts.detail;
    this.retryAfterSeconds = parts.retryAfterSeconds;
    this.fields = parts.fields ?? {};
  }
}

/** Reads a problem document; what is not one is named by its status. */
export function problemFrom(status: number, body: unknown): ApiProblem {
  const parts: Record<string, unknown> = isRecord(body) ? body : {};
  const { code, detail, retryAfterSeconds, fields } = parts;
  return new ApiProblem({
    status,
    code: typeof code === 'string' ? (code as ProblemCode) : codeOfStatus(status),
    detail: typeof detail === 'string' ? detail : undefined,
    retryAfterSeconds: typeof retryAfterSeconds === 'number' ? retryAfterSeconds : undefined,
    fields: isRecord(fields) ? (fields as Record<string, FieldFault>) : undefined,
  });
}

function codeOfStatus(status: number): ProblemCode {
  if (status === 401) return 'unauthenticated';
  if (status === 429) return 'too-many-attempts';
  return status >= 500 ? 'unavailable' : 'internal';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a request ended because its caller no longer wanted the answer; every other failure is an `ApiProblem`. */
export function isLeft(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'AbortError';
}

/** For what a `catch` caught: anything that is neither a problem nor the browser's store's is our own defect. It is logged. */
export function asProblem(cause: unknown): ApiProblem {
  if (cause instanceof ApiProblem) return cause;
  console.error(cause);
  return new ApiProblem({ code: storeFault(cause) ?? 'internal', status: 0, cause });
}

/** Of a store that keeps silent, or has no room left. By the name: a full store's error is no longer a DOMException everywhere. */
export function storeFault(cause: unknown): 'device-silent' | 'device-full' | undefined {
  if (cause instanceof TookTooLong) return 'device-silent';
  return (cause as { name?: unknown } | null)?.name === 'QuotaExceededError' ? 'device-full' : undefined;
}
