/** Files that the browser caches for offline visits. The service worker reads the same cache. */

export const CACHE_NAME = `moue-page-${__VERSION__}`;

/** Fetch a file once for each version of the page; afterwards from the cache, if the browser has one. */
export async function fetchCached(url: string): Promise<Response> {
  // Pages loaded over plain http:// from another machine have no cache.
  const cache = 'caches' in globalThis ? await caches.open(CACHE_NAME).catch(() => null) : null;
  const cached = await cache?.match(url);
  if (cached) return cached;
  const response = await fetch(url);
  if (!response.ok || !response.body) throw new Error(`${url} could not be loaded (${response.status})`);
  // A full disk must not make the fetch fail.
  cache?.put(url, response.clone()).catch(() => undefined);
  return response;
}

/**
 * Remove the networks that the page used before; they would stay cached until the page's version changes.
 *
 * @param current The addresses of the networks in use, all in one folder.
 */
export async function deleteOldNetworks(current: readonly string[]): Promise<void> {
  if (!('caches' in globalThis)) return;
  const cache = await caches.open(CACHE_NAME).catch(() => null);
  const folder = current[0]!.slice(0, current[0]!.lastIndexOf('/') + 1);
  const old = ((await cache?.keys()) ?? []).filter(({ url }) => url.startsWith(folder) && !current.includes(url));
  await Promise.all(old.map((request) => cache!.delete(request)));
}
