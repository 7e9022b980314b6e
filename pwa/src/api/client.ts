/**
 * The typed client of the server, and the one place where a failed request becomes an `ApiProblem`.
 * Every request also tells `contact` whether the server was reached: `navigator.onLine` lies.
 */
import createClient from 'openapi-fetch';
import { contact } from './contact';
import { ApiProblem, problemFrom } from './problem';
import type { paths } from './schema.gen';

const REQUEST_TIMEOUT_MILLIS = 20_000;

/** `fetch` that gives up in time and reports contact; for what is read by a schema of its own. */
export async function reach(input: Request | string, init: RequestInit = {}): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MILLIS);
  const given = init.signal ?? (input instanceof Request ? input.signal : undefined);
  const signal = given ? AbortSignal.any([given, timeout]) : timeout;
  try {
    const response = await fetch(input, { ...init, signal });
    contact.report(!isGatewayFailure(response.status));
    return response;
  } catch (cause) {
    if (given?.aborted) throw cause;
    contact.report(false);
    throw new ApiProblem({ code: 'network', status: 0, cause });
  }
}

/** A proxy's word that the server behind it is away. The server's own 503 is a problem document. */
function isGatewayFailure(status: number): boolean {
  return status === 502 || status === 504;
}

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? '',
  fetch: (request) => reach(request),
  credentials: 'same-origin',
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or an ApiProblem thrown. */
export async function answerOf<T>(pending: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await pending;
  if (!response.ok) throw problemFrom(response.status, error);
  return data as T;
}
