// The site's own JSON API, as pages use it.

export interface ApiProblem {
  code: string;
  message: string;
  fields?: Record<string, string[]>;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: ApiProblem,
  ) {
    super(problem.message);
  }
}

/** The CSRF token of the page's own forms. */
export function csrfToken(): string {
  const input = document.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]");
  return input?.value ?? "";
}

/** Post JSON; resolves with the parsed answer (undefined when it is empty), rejects with ApiError. */
export async function postJson<Answer>(url: string, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
  });
  const text = await response.text();
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
