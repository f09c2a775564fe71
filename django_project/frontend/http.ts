// The site's own JSON API, as pages use it.

export interface ApiProblem {
  code: string;
  message: string;
  fields?: Record<string, string[] | string>;
}

/** The status of an answer that never came. */
export const UNREACHABLE = 0;
const PATIENCE_MILLISECONDS = 15_000;
/** Browsers refuse to keep a longer body alive; in the worst case each character of ours is three bytes. */
const KEPT_ALIVE_CHARACTERS = 20_000;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: ApiProblem,
  ) {
    super(problem.message);
  }

  /** Neither yes nor no: the same may be asked again. */
  get isTrouble(): boolean {
    return this.status === UNREACHABLE || this.status === 429 || this.status >= 500;
  }
}

function csrfInput(): HTMLInputElement | null {
  return document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]");
}

/** The CSRF token of the page's own forms. */
export function csrfToken(): string {
  return csrfInput()?.value ?? "";
}

interface Session {
  address: string | null;
  csrf_token: string;
}

/**
 * Post JSON; resolves with the parsed answer (undefined when it is empty), rejects with ApiError.
 *
 * Whoever signed in or out in another tab made this page's CSRF token old: a fresh one is tried once, unless
 * the session belongs to another wallet than `as` by now.
 */
export async function postJson<Answer>(url: string, body: unknown, as?: string): Promise<Answer> {
  try {
    return await ask<Answer>(url, { method: "POST", body: JSON.stringify(body) });
  } catch (error) {
    if (!(error instanceof ApiError) || !isAboutCsrf(error)) throw error;
    const session = await getJson<Session>("/api/v1/session");
    if (as !== undefined && session.address?.toLowerCase() !== as.toLowerCase()) {
      throw new ApiError(401, { code: "sign_in_required", message: "" });
    }
    const input = csrfInput();
    if (input) input.value = session.csrf_token;
    return ask<Answer>(url, { method: "POST", body: JSON.stringify(body) }, session.csrf_token);
  }
}

export async function getJson<Answer>(url: string): Promise<Answer> {
  return ask<Answer>(url, { method: "GET" });
}

/** Whether the site refused the page's token: somebody signed in or out since it was loaded. */
export function isAboutCsrf({ status, problem: { code } }: ApiError): boolean {
  return status === 403 && code === "csrf_failed";
}

async function ask<Answer>(url: string, request: RequestInit, token = csrfToken()): Promise<Answer> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      ...request,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": token },
      // What is reported as the page is left still has to arrive.
      keepalive: String(request.body ?? "").length <= KEPT_ALIVE_CHARACTERS,
      signal: AbortSignal.timeout(PATIENCE_MILLISECONDS),
    });
    text = await response.text();
  } catch {
    throw new ApiError(UNREACHABLE, { code: "unreachable", message: "" });
  }
  if (!response.ok) throw new ApiError(response.status, problemFrom(text));
  return (text ? JSON.parse(text) : undefined) as Answer;
}

function problemFrom(text: string): ApiProblem {
  try {
    const parsed = JSON.parse(text) as { error?: ApiProblem };
    if (parsed.error?.message) return parsed.error;
  } catch {
    // Not our API's answer (a proxy's error page): it has no words fit to show.
  }
  return { code: "unreadable", message: "" };
}
