// localStorage that never throws: where it is forbidden or full, a page still remembers for itself.

const fallback = new Map<string, string>();

export function storeItem(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
    fallback.delete(key);
  } catch {
    fallback.set(key, value);
  }
}

export function storedItem(key: string): string | null {
  try {
    return fallback.get(key) ?? localStorage.getItem(key);
  } catch {
    return fallback.get(key) ?? null;
  }
}

export function removeItem(key: string): void {
  fallback.delete(key);
  try {
    localStorage.removeItem(key);
  } catch {
    // Forbidden: there is nothing to remove.
  }
}

export function storedKeys(prefix: string): string[] {
  const keys = new Set(fallback.keys());
  try {
    for (const key of Object.keys(localStorage)) keys.add(key);
  } catch {
    // Forbidden: the fallback has all there is.
  }
  return [...keys].filter((key) => key.startsWith(prefix));
}
